export { SessionProvider, useSession, useSession as default, withSession } from "../react.js";
