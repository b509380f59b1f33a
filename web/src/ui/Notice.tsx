/** What a pane shows while it has nothing else: it loads, it is empty and why, or something went wrong. */
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { Button } from "./Button";

export function Loading({ what = "Loading" }: { what?: string }) {
  return <div className="loading" role="status">{what}…</div>;
}

/** Why there is nothing, and in `children` what to do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="notice">
      <strong>{title}</strong>
      {children !== undefined && <div>{children}</div>}
    </div>
  );
}

export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = error instanceof ApiError ? error.problem : null;
  return (
    <div className="notice" role="alert">
      <strong>{problem?.title ?? "Something went wrong"}</strong>
      <p>{error instanceof Error ? error.message : String(error)}</p>
      {problem?.request_id !== undefined && <p>Request <code>{problem.request_id}</code></p>}
      {retry !== undefined && <Button icon="retry" onClick={retry}>Try again</Button>}
    </div>
  );
}
