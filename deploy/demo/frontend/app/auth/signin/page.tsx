import { first, inWords } from "@/lib/words";
import { SignInForm } from "@/components/sign-in-form";

type Query = Promise<Record<string, string | string[] | undefined>>;

export default async function SignIn({ searchParams }: { searchParams: Query }) {
  const query = await searchParams;
  const code = first(query.error) || first(query.reason);
  return (
    <>
      <h1>Sign in</h1>
      <SignInForm next={first(query.next)} message={code ? inWords(code) : ""} />
    </>
  );
}
