export { default } from "@sidgate/nextjs/components/EmailPasswordSignIn-v2";
