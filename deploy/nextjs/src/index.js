export { sessionManager } from "./session.js";
export { SessionProvider, useSession, withSession } from "./react.js";
export { SignInForm } from "./sign-in-form.js";
export { DeviceList } from "./device-list.js";
