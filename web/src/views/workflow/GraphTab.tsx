import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { graph as graphQuery } from "../../api/queries";
import type { JsonObject, Workflow } from "../../api/types";
import { isObject } from "../../ui/form/resolve";
import { Button } from "../../ui/Button";
import { Failure, Loading } from "../../ui/Notice";
import { nodeOf } from "./nodeOf";

const GraphView = lazy(async () => ({ default: (await import("../../graph/GraphView")).GraphView }));
const route = getRouteApi("/p/$project/w/$workflow");

/** The graph of a version, and what its definition says of the node that is selected. */
export function GraphTab({ project, workflow }: { project: string; workflow: Workflow }) {
  const { node } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(graphQuery(project, workflow.workflow_id, workflow.version));
  const select = (id: string | null): void => {
    void navigate({ search: ({ node: _, ...rest }) => (id === null ? rest : { ...rest, node: id }), replace: true });
  };
  if (error !== null) return <Failure error={error} retry={() => void refetch()} />;
  return (
    <div className="workflow-graph" data-open={node !== undefined || undefined}>
      <div className="pane workflow-canvas">
        {data === undefined ? <Loading what="Loading the graph" /> : (
          <Suspense fallback={<Loading what="Loading the graph" />}>
            <GraphView graph={data} source={null} selected={node ?? null} onSelect={select} />
          </Suspense>
        )}
      </div>
      {node !== undefined && <NodeConfig project={project} workflow={workflow} id={node} onClose={() => select(null)} />}
    </div>
  );
}

interface NodeConfigProps {
  project: string;
  workflow: Workflow;
  id: string;
  onClose: () => void;
}

function NodeConfig({ project, workflow, id, onClose }: NodeConfigProps) {
  const node = nodeOf(workflow.definition, id);
  return (
    <aside className="pane workflow-node" aria-label={`Node ${id}`}>
      <div className="pane-head">
        <h2 className="mono">{id}</h2>
        <Button kind="plain" size="small" icon="close" aria-label="Close" onClick={onClose} />
      </div>
      <div className="pane-body stack">
        {node === null ? <p className="muted">The definition of this workflow says nothing more of it.</p> : <NodeFacts node={node} />}
        {workflow.kind === "definition" && (
          <Link to="/p/$project/w/$workflow" params={{ project, workflow: workflow.workflow_id }} search={(before) => ({ ...before, tab: "definition" as const })}>Edit in the definition</Link>
        )}
      </div>
    </aside>
  );
}

function NodeFacts({ node }: { node: JsonObject }) {
  const { id: _, type, name, config, ...rest } = node;
  return (
    <>
      <dl className="workflow-facts">
        {typeof name === "string" && <><dt>Name</dt><dd>{name}</dd></>}
        <dt>Type</dt><dd className="mono">{String(type)}</dd>
        {Object.entries(rest).map(([key, value]) => <Fact key={key} name={key} value={typeof value === "string" ? value : JSON.stringify(value)} />)}
      </dl>
      {isObject(config ?? null) && <div><h3>Config</h3><pre className="code-block" tabIndex={0} aria-label="Config">{JSON.stringify(config, null, 2)}</pre></div>}
    </>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return <><dt>{name}</dt><dd className="mono">{value}</dd></>;
}
