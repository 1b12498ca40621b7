import Link from "next/link";
import { seen } from "../../../lib.js";

/** Each of these is fetched ahead as soon as it is in view. */
export default async function Many() {
  await seen();
  const all = Array.from({ length: 30 }, (_, n) => n);
  return (
    <main>
      <h1 data-testid="many">Many</h1>
      {all.map((n) => <Link key={n} href={`/tenant/items/${n}`} prefetch data-testid={`item-${n}`}>{n} </Link>)}
    </main>
  );
}
