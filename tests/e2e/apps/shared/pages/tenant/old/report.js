export function getServerSideProps({ req }) {
  return { props: { user: req.headers["x-auth-user-id"] ?? null } };
}

export default function Report({ user }) {
  return <main><h1 data-testid="old-report">Report</h1><p data-testid="old-user">{user}</p></main>;
}
