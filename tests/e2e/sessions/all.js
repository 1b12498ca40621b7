// The session system, in a real browser.
import "./devices.js";
import "./limits.js";
import "./fix-session.js";
import "./fresh-sign-in.js";
import "./privilege.js";
import "./past-the-gateway.js";
import "./session-js.js";
import "./audit.js";
