// The session system, in a real browser.
import "./devices.js";
import "./limits.js";
