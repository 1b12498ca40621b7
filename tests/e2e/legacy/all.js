// What browsers still carry from the old application, in a real browser.
import "./first-visit.js";
import "./worth-nothing.js";
import "./console.js";
import "./twins.js";
import "./sign-out.js";
import "./backend-down.js";
import "./dual.js";
import "./old-application.js";
