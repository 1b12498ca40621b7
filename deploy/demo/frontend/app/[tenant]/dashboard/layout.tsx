import type { ReactNode } from "react";
import Link from "next/link";
import { SessionProvider } from "@sidgate/nextjs";
import { getServerSession } from "@sidgate/nextjs/server";

type Props = { children: ReactNode; params: Promise<{ tenant: string }> };

export default async function TenantLayout({ children, params }: Props) {
  const [initial, { tenant }] = await Promise.all([getServerSession(), params]);
  const home = `/${tenant}/dashboard`;
  return (
    <SessionProvider initial={initial}>
      <nav data-testid="tenant-nav">
        <Link href={home} data-testid="nav-dashboard">Dashboard</Link>
        <Link href={`${home}/settings`} data-testid="nav-settings">Settings</Link>
        <Link href={`${home}/devices`} data-testid="nav-devices">Devices</Link>
        <Link href={`${home}/stream`} prefetch={false} data-testid="nav-stream">Stream</Link>
        <Link href={`${home}/live`} data-testid="nav-live">Live</Link>
      </nav>
      {children}
    </SessionProvider>
  );
}
