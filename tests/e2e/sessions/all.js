// The session system, in a real browser.
import "./devices.js";
import "./limits.js";
import "./fix-session.js";
import "./fresh-sign-in.js";
import "./privilege.js";
import "./audit.js";
