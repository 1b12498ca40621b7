import Link from "next/link";

export const getServerSideProps = () => ({ props: {} });

export default function Start() {
  return <main><h1 data-testid="old-start">The older router</h1><Link href="/tenant/old/report" prefetch={false} data-testid="to-old-report">Report</Link></main>;
}
