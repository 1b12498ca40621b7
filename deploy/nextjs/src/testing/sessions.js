const acme = { id: "6b1d3a3e-5f0c-4c58-9d7c-1c9f3f1f2a01", slug: "acme", name: "Acme" };
const globex = { id: "6b1d3a3e-5f0c-4c58-9d7c-1c9f3f1f2a02", slug: "globex", name: "Globex" };

/** Alice of Acme, onboarded. */
export const signedIn = {
  authenticated: true,
  user: { id: "1", email: "alice@acme.test", name: "Alice", role: "owner" },
  tenantId: acme.id,
  tenant: acme,
  tenants: [acme],
  needsOnboarding: false,
  onboardingStep: null,
  permissions: ["invoices.view"],
  expiresAt: "2099-01-01T00:00:00Z",
};

/** Somebody who is in no company yet. */
export const newcomer = {
  ...signedIn,
  user: { id: "2", email: "newbie@example.test", name: "Newbie", role: null },
  tenantId: null,
  tenant: null,
  tenants: [],
  needsOnboarding: true,
  onboardingStep: "company",
  permissions: [],
};

/** Carol, who belongs to two companies. */
export const severalTenants = {
  ...signedIn,
  user: { id: "3", email: "carol@acme.test", name: "Carol", role: "user" },
  tenants: [acme, globex],
};

/** Nobody. */
export const signedOut = null;
