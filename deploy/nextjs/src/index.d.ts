export { sessionManager } from "./session.js";
export type {
  Device,
  Session,
  SessionError,
  SessionManager,
  SignInOptions,
  SignInResult,
  SignOutOptions,
  State,
  Tenant,
  User,
} from "./session.js";
export { SessionProvider, useSession, withSession } from "./react.js";
export type { SessionProviderProps, UseSession, WithSessionOptions } from "./react.js";
export { SignInForm } from "./sign-in-form.js";
export type { SignInFormProps } from "./sign-in-form.js";
export { DeviceList } from "./device-list.js";
export type { DeviceListProps } from "./device-list.js";
