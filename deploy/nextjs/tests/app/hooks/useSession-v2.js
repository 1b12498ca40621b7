export * from "@sidgate/nextjs/hooks/useSession-v2";
export { default } from "@sidgate/nextjs/hooks/useSession-v2";
