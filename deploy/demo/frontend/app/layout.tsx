import type { Metadata } from "next";
import type { ReactNode } from "react";
import Link from "next/link";
import "./styles.css";

export const metadata: Metadata = { title: "sidgate demo", description: "Next.js and Django behind one auth gateway" };

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <header className="top">
          <Link href="/" data-testid="brand">sidgate demo</Link>
        </header>
        <main>{children}</main>
      </body>
    </html>
  );
}
