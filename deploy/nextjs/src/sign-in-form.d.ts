import type { FormHTMLAttributes, ReactElement, ReactNode } from "react";

export interface SignInFormProps extends Omit<FormHTMLAttributes<HTMLFormElement>, "action" | "method" | "onSubmit"> {
  /** The page's `searchParams`: `next`, `reason`, `error`, `challenge`. Without it they are read in the browser. */
  query?: Record<string, string | string[] | undefined>;
  /** The way back, where it is not `next` of the query. */
  next?: string;
  /** false: stay on the page after signing in. */
  redirect?: boolean;
  /** Texts instead of the kit's: `email`, `password`, `code`, `submit`, `other`, and one per code of the gateway. */
  texts?: Record<string, string>;
  /** Shown above the button. */
  children?: ReactNode;
}

export function SignInForm(props: SignInFormProps): ReactElement;
