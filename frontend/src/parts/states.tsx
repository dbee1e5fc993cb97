// What a page shows while it has nothing yet, or cannot have it.
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { ApiError } from "../api";

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

/** Show a document once it is here; until then that it is awaited, or why it does not come. */
export function Shown<T>({ of, what, children }: { of: UseQueryResult<T, ApiError>; what?: string; children: (data: T) => ReactNode }) {
  if (of.data !== undefined) return <>{children(of.data)}</>;
  if (of.error !== null) return <Failure message={of.error.message} />;
  return <Waiting what={what} />;
}
