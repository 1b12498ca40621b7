"use client";

import { useEffect } from "react";
import { useSession } from "@sidgate/nextjs";

/** For people who belong to several companies: a plain form for each other one, which the gateway answers by itself. */
export function TenantSwitcher() {
  const { session, tenantId, refresh } = useSession();
  const tenants = session?.tenants;

  // What the server hands over has the present one alone; the rest is asked for where it is needed.
  useEffect(() => {
    if (!tenants) refresh().catch(() => {});
  }, [tenants, refresh]);

  const others = tenants?.filter(({ id }) => id !== tenantId) ?? [];
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
