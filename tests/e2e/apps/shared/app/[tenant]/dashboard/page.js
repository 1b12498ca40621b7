import { seen } from "../../../lib.js";

export default async function Home({ params }) {
  const { status, cookies } = await seen();
  const { tenant } = await params;
  return <main><h1 data-testid="home">{tenant}</h1><p data-testid="status">{status}</p><p data-testid="cookies">{cookies}</p></main>;
}
