import Link from "next/link";

export const metadata = { title: "An application that was here before" };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <nav>
          <Link href="/" prefetch={false}>Front</Link> <Link href="/dashboard" prefetch={false} data-testid="to-dashboard">Dashboard</Link>{" "}
          <Link href="/settings" prefetch={false} data-testid="to-settings">Settings</Link>{" "}
          <Link href="/dashboard/many" prefetch={false} data-testid="to-many">Many</Link>{" "}
          <Link href="/tenant/items/1" prefetch data-testid="to-prefetched">Fetched ahead</Link>
        </nav>
        {children}
      </body>
    </html>
  );
}
