/** What a pane shows while it has nothing else: it loads, it is empty and why, or something went wrong. */
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { Button } from "./Button";

export function Loading({ what = "Loading" }: { what?: string }) {
  return <div className="loading" role="status">{what}…</div>;
}

/** Why there is nothing, and in `children` what to do about it. */
export function Empty({ title, page = false, children }: { title: string; page?: boolean; children?: ReactNode }) {
  return (
    <div className="notice">
      <Title page={page}>{title}</Title>
      {children}
    </div>
  );
}

/** A notice's title; the heading of the page where there is nothing else on it. */
function Title({ page, children }: { page: boolean; children: string }) {
  return page ? <h1>{children}</h1> : <strong>{children}</strong>;
}

export function Failure({ error, retry, page = false }: { error: unknown; retry?: () => void; page?: boolean }) {
  const problem = error instanceof ApiError ? error.problem : null;
  return (
    <div className="notice" role="alert">
      <Title page={page}>{problem?.title ?? "Something went wrong"}</Title>
      <p>{error instanceof Error ? error.message : String(error)}</p>
      {problem?.request_id !== undefined && <p>Request <code>{problem.request_id}</code></p>}
      {retry !== undefined && <Button icon="retry" onClick={retry}>Try again</Button>}
    </div>
  );
}
