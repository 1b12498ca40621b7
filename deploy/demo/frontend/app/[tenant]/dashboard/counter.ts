import { revalidatePath } from "next/cache";
import { getServerSession } from "@sidgate/nextjs/server";

// On the process and not in the module, because Next.js may load a module once for pages and once for actions.
const shared = globalThis as typeof globalThis & { demoCounts?: Map<string, number> };
const counts = (shared.demoCounts ??= new Map());

export function count(tenant: string): number {
  return counts.get(tenant) ?? 0;
}

export async function increment() {
  "use server";
  // An action can be called from any address, so it takes the tenant from the identity and not from the page.
  const tenant = (await getServerSession())?.tenant?.slug;
  if (!tenant) throw new Error("Nobody of a company is signed in.");
  counts.set(tenant, count(tenant) + 1);
  revalidatePath(`/${tenant}/dashboard`);
}
