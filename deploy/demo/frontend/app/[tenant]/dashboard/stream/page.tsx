import { Suspense } from "react";
import { getServerSession } from "@sidgate/nextjs/server";
import { NoIdentity } from "@/components/no-identity";

export default async function Stream() {
  const who = await getServerSession();
  if (!who) return <NoIdentity />;
  return (
    <>
      <h1 data-testid="stream-title">One page, in three pieces</h1>
      <p data-testid="stream-first">The first piece is here at once.</p>
      <Suspense fallback={<p className="waiting">...</p>}>
        <Piece after={500} testid="stream-second">The second came half a second later.</Piece>
      </Suspense>
      <Suspense fallback={<p className="waiting">...</p>}>
        <Piece after={1000} testid="stream-third">The third came after a second. Nothing between held them together.</Piece>
      </Suspense>
    </>
  );
}

async function Piece({ after, testid, children }: { after: number; testid: string; children: string }) {
  await new Promise((done) => setTimeout(done, after));
  return <p data-testid={testid}>{children}</p>;
}
