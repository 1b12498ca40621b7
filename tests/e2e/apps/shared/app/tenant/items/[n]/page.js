import { seen } from "../../../../lib.js";

export default async function Item({ params }) {
  await seen();
  const { n } = await params;
  return <main><h1 data-testid="item">Item {n}</h1></main>;
}
