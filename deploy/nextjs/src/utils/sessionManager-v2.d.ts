export { sessionManager, sessionManager as default } from "../session.js";
