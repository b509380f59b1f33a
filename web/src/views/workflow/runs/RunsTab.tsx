import { useInfiniteQuery, type QueryKey } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { call } from "../../../api/client";
import { project as projectPath, type RunFilters as Filters } from "../../../api/queries";
import type { Page, RunSummary, Workflow } from "../../../api/types";
import { Button } from "../../../ui/Button";
import { Empty, Failure, Loading } from "../../../ui/Notice";
import { sinceOf } from "../period";
import { RunFilters } from "./RunFilters";
import { RunTable } from "./RunTable";
import { useLiveRuns } from "./useLiveRuns";

const route = getRouteApi("/p/$project/w/$workflow");
const MINUTE = 60_000;

/** The workflow's runs, newest first, by the filters in the address; two of them can be compared. */
export function RunsTab({ project, workflow }: { project: string; workflow: Workflow }) {
  const { status, q, since, test } = route.useSearch();
  const [picked, setPicked] = useState<readonly string[]>([]);
  const after = useMemo(() => sinceOf(since, Math.floor(Date.now() / MINUTE) * MINUTE), [since]);
  const filters: Filters = {
    workflow_id: workflow.workflow_id, limit: 50, test_mode: test === "only", ...(status && { status }), ...(q && { q }), ...(after && { started_after: after }),
  };
  const key = ["runs", project, "pages", filters];
  const runs = useRuns(project, key, filters);
  useLiveRuns(project, workflow.workflow_id, key, status);
  const items = runs.data?.pages.flatMap((page) => page.items) ?? [];
  const filtered = [status, q, since, test].some((each) => each !== undefined);
  return (
    <section className="pane" aria-label="Runs">
      <div className="pane-head runs-head">
        <RunFilters />
        <CompareLink project={project} picked={picked} />
      </div>
      {runs.error !== null && <Failure error={runs.error} retry={() => void runs.refetch()} />}
      {runs.isPending && <Loading what="Loading runs" />}
      {runs.isSuccess && items.length === 0 && <NoRuns filtered={filtered} />}
      {items.length > 0 && <RunTable project={project} runs={items} picked={picked} onPick={setPicked} />}
      {runs.hasNextPage && (
        <div className="pane-body row"><Button busy={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>Older runs</Button></div>
      )}
    </section>
  );
}

function useRuns(project: string, key: QueryKey, filters: Filters) {
  return useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) =>
      call<Page<RunSummary>>(`${projectPath(project)}/workflows/runs`, { query: { ...filters, cursor: pageParam }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: (before) => before,
  });
}

function CompareLink({ project, picked }: { project: string; picked: readonly string[] }) {
  const [a, b] = picked;
  if (a === undefined || b === undefined) return <span className="muted runs-hint">{picked.length === 1 ? "Pick one more to compare" : "Pick two to compare"}</span>;
  return <Link to="/p/$project/compare" params={{ project }} search={{ a, b }} className="button" data-kind="primary" data-size="small">Compare</Link>;
}

function NoRuns({ filtered }: { filtered: boolean }) {
  const navigate = route.useNavigate();
  if (!filtered) return <Empty title="No runs yet">Run starts the first one.</Empty>;
  const clear = (): void => {
    void navigate({ search: ({ status: _s, q: _q, since: _i, test: _t, ...rest }) => rest });
  };
  return <Empty title="No run fits these filters"><Button onClick={clear}>Clear filters</Button></Empty>;
}
