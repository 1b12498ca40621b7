import { seen } from "../../lib.js";

export default async function Onboarding() {
  const { status } = await seen();
  return <main><h1 data-testid="onboarding">Onboarding</h1><p data-testid="status">{status}</p></main>;
}
