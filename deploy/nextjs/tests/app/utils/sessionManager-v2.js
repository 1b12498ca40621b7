export { default, sessionManager } from "@sidgate/nextjs/utils/sessionManager-v2";
