import { seen } from "../../../lib.js";

/** A page of the old days: the middleware sets cookies with it. */
export default async function Old() {
  const { status, cookies } = await seen();
  return <main><h1 data-testid="old">Old</h1><p data-testid="status">{status}</p><p data-testid="cookies">{cookies}</p></main>;
}
