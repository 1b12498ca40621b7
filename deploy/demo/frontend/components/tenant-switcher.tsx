"use client";

import { useEffect, useState } from "react";

type Tenant = { id: string; slug: string | null; name: string | null };

/** For people who belong to several companies: a plain form for each other one, which the gateway answers by itself. */
export function TenantSwitcher({ current }: { current: string | null }) {
  const [tenants, setTenants] = useState<Tenant[]>([]);

  useEffect(() => {
    fetch("/api/auth/session-v2", { cache: "no-store" })
      .then((answer) => (answer.ok ? answer.json() : null))
      .then((session) => setTenants(session?.tenants ?? []))
      .catch(() => setTenants([]));
  }, []);

  const others = tenants.filter(({ id }) => id !== current);
  if (others.length === 0) return null;
  return (
    <section className="card" data-testid="tenant-switch">
      <h2>Your other companies</h2>
      {others.map(({ id, slug, name }) => (
        <form key={id} method="post" action="/api/auth/session-v2/tenant">
          <input type="hidden" name="tenantId" value={id} />
          <button className="quiet" data-testid={`tenant-switch-${slug}`}>Go on as {name ?? slug}</button>
        </form>
      ))}
    </section>
  );
}
