// What a page shows while it has nothing yet, or cannot have it.
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { isStatic, type ApiError } from "../api";
import { href } from "../state/url";

export function Waiting({ what = "Loading" }: { what?: string }) {
  return <p className="waiting" role="status">{what} …</p>;
}

export function Failure({ title = "This could not be loaded", message, children }: { title?: string; message: string; children?: ReactNode }) {
  return (
    <div className="failure" role="alert">
      <h2>{title}</h2>
      <p>{message}</p>
      {children}
    </div>
  );
}

/** A page of a workspace in which nothing is measured: what to do, and what will stand here then. */
export function Unmeasured({ page, then }: { page: string; then: string }) {
  return (
    <>
      <p className="eyebrow">{page}</p>
      <h1>Nothing is measured here yet</h1>
      <p className="lead">{then}</p>
      <pre className="command">valuecompass run -m MODEL -s schwartz</pre>
      {!isStatic && <p>Or <a href={href("/run")}>start a run</a> here, with the token of an operator.</p>}
    </>
  );
}

/** Show a document once it is here; until then that it is awaited, or why it does not come. */
export function Shown<T>({ of, what, children }: { of: UseQueryResult<T, ApiError>; what?: string; children: (data: T) => ReactNode }) {
  if (of.data !== undefined) return <>{children(of.data)}</>;
  if (of.error !== null) return <Failure title={[400, 404].includes(of.error.status) ? "There is nothing to show here" : undefined} message={of.error.message} />;
  return <Waiting what={what} />;
}
