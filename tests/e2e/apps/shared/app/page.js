import { seen } from "../lib.js";

export default async function Front() {
  const { status, cookies } = await seen();
  return <main><h1 data-testid="front">Front page</h1><p data-testid="status">{status}</p><p data-testid="cookies">{cookies}</p></main>;
}
