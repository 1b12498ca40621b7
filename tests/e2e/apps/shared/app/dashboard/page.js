import Link from "next/link";
import { Refresh } from "../../components/buttons.js";
import { seen } from "../../lib.js";

export default async function Dashboard() {
  const { status, cookies } = await seen();
  return (
    <main>
      <h1 data-testid="dashboard">Dashboard</h1>
      <p data-testid="status">{status}</p>
      <p data-testid="cookies">{cookies}</p>
      <p data-testid="made">{Date.now()}</p>
      <Refresh />
      <details>
        <summary data-testid="more">More</summary>
        <Link href="/tenant/items/7" prefetch data-testid="to-item">Fetched ahead once it is in view</Link>
      </details>
    </main>
  );
}
