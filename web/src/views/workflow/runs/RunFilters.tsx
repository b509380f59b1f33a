import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import type { RunStatus } from "../../../api/types";
import { useShortcuts } from "../../../app/shortcuts";
import { Status } from "../../../ui/Status";
import { PERIODS } from "../period";

const route = getRouteApi("/p/$project/w/$workflow");
const STATUSES: readonly RunStatus[] = ["QUEUED", "RUNNING", "WAITING", "PAUSED", "COMPLETED", "FAILED", "CANCELLED", "PENDING"];
const PAUSE = 250;

/** What narrows the list of runs; all of it stands in the address. */
export function RunFilters() {
  const { status = [], since, test } = route.useSearch();
  const navigate = route.useNavigate();
  const set = (changed: { status?: string[] | undefined; since?: string | undefined; test?: "only" | undefined }): void => {
    void navigate({ search: (before) => ({ ...before, ...changed }) as never, replace: true });
  };
  const toggle = (each: RunStatus): void => {
    const next = status.includes(each) ? status.filter((other) => other !== each) : [...status, each];
    set({ status: next.length > 0 ? next : undefined });
  };
  return (
    <div className="runs-filters" role="search" aria-label="Filter runs">
      <Words />
      <select className="input" aria-label="Started" value={since ?? ""} onChange={(event) => set({ since: event.target.value || undefined })}>
        <option value="">Any time</option>
        {PERIODS.map(({ id, label }) => <option key={id} value={id}>{label}</option>)}
        {since !== undefined && !PERIODS.some(({ id }) => id === since) && <option value={since}>Since {since}</option>}
      </select>
      <label className="form-check"><input type="checkbox" checked={test === "only"} onChange={(event) => set({ test: event.target.checked ? "only" : undefined })} /> Dry runs</label>
      <div className="status-chips" role="group" aria-label="Status">
        {STATUSES.map((each) => (
          <button key={each} type="button" className="status-chip" aria-pressed={status.includes(each)} onClick={() => toggle(each)}><Status status={each} /></button>
        ))}
      </div>
    </div>
  );
}

/** The search words: in the address once somebody stops typing. */
function Words() {
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const [typed, setTyped] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);
  useShortcuts({ "/": () => input.current?.focus() });
  useEffect(() => {
    if (typed === null) return;
    const timer = window.setTimeout(() => {
      setTyped(null);
      void navigate({ search: ({ q: _, ...rest }) => (typed.trim() === "" ? rest : { ...rest, q: typed.trim() }), replace: true });
    }, PAUSE);
    return () => window.clearTimeout(timer);
  }, [typed, navigate]);
  return (
    <input
      ref={input} className="input runs-words" type="search" placeholder="Search runs" aria-label="Search runs" value={typed ?? q}
      onChange={(event) => setTyped(event.target.value)}
    />
  );
}
