export { SignInForm, SignInForm as EmailPasswordSignIn, SignInForm as default } from "../sign-in-form.js";
