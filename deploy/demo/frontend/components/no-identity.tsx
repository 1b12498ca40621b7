/** What a protected page shows when it was reached without the gateway, or past one that is set up wrongly. */
export function NoIdentity() {
  return (
    <section className="card" data-testid="no-identity">
      <h1>Nobody is signed in</h1>
      <p>The gateway never sends such a request here. Is this page being reached directly, past the gateway?</p>
    </section>
  );
}
