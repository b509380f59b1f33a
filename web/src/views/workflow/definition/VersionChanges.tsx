import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { versionDiff, versions } from "../../../api/queries";
import type { JsonObject, VersionDiff, Workflow } from "../../../api/types";
import { Button } from "../../../ui/Button";
import { Failure, Loading } from "../../../ui/Notice";
import { Changes } from "../../../ui/json/Changes";

const route = getRouteApi("/p/$project/w/$workflow");

/** How two versions of a workflow differ, node by node. */
export function VersionChanges({ project, workflow, against }: { project: string; workflow: Workflow; against: number }) {
  const navigate = route.useNavigate();
  const [before, after] = [Math.min(workflow.version, against), Math.max(workflow.version, against)];
  const { data, error, refetch } = useQuery(versionDiff(project, workflow.workflow_id, before, after));
  const all = useQuery(versions(project, workflow.workflow_id)).data?.items ?? [];
  const options = [...new Set([...all.map(({ version }) => version), against])].filter((version) => version !== workflow.version);
  return (
    <section className="pane" aria-labelledby="changes">
      <div className="pane-head">
        <h2 id="changes">Version {before} to version {after}</h2>
        <label className="row">
          <span className="muted">Compare version {workflow.version} with</span>
          <select className="input definition-against" value={against} onChange={(event) => void navigate({ search: (now) => ({ ...now, against: Number(event.target.value) }) })}>
            {options.map((version) => <option key={version} value={version}>Version {version}</option>)}
          </select>
        </label>
        <Button size="small" onClick={() => void navigate({ search: ({ against: _, ...rest }) => rest })}>Back to the definition</Button>
      </div>
      <div className="pane-body">
        {error !== null && <Failure error={error} retry={() => void refetch()} />}
        {data === undefined && error === null && <Loading />}
        {data !== undefined && <Differences diff={data} />}
      </div>
    </section>
  );
}

function Differences({ diff }: { diff: VersionDiff }) {
  if (diff.equal) return <p className="muted">The two versions are the same.</p>;
  const { nodes, edges } = diff;
  return (
    <div className="stack version-changes">
      {nodes.added.map((node) => <Part key={`+${String(node["id"])}`} sign="added" title={<>Node <code>{String(node["id"])}</code></>} note={String(node["type"])} />)}
      {nodes.removed.map((node) => <Part key={`-${String(node["id"])}`} sign="removed" title={<>Node <code>{String(node["id"])}</code></>} note={String(node["type"])} />)}
      {nodes.changed.map((node) => <Part key={node.id} sign="changed" title={<>Node <code>{node.id}</code></>}><Changes changes={node.changes} /></Part>)}
      {edges.added.map((edge) => <Part key={`+${JSON.stringify(edge)}`} sign="added" title={<>Edge <EdgeName edge={edge} /></>} />)}
      {edges.removed.map((edge) => <Part key={`-${JSON.stringify(edge)}`} sign="removed" title={<>Edge <EdgeName edge={edge} /></>} />)}
      {diff.keys.length > 0 && <Part sign="changed" title="Settings of the workflow"><Changes changes={diff.keys} /></Part>}
      {diff.pins.length > 0 && <Part sign="changed" title="Versions of the workflows inside"><Changes changes={diff.pins} /></Part>}
      {diff.reordered.length > 0 && <Part sign="changed" title={<>In another order: {diff.reordered.map((path) => <code key={path}>{path} </code>)}</>} />}
      {diff.cut && <p className="muted">There are more differences than are shown.</p>}
    </div>
  );
}

const SIGNS = { added: "+", removed: "−", changed: "~" } as const;

function Part({ sign, title, note, children }: { sign: keyof typeof SIGNS; title: ReactNode; note?: string; children?: ReactNode }) {
  return (
    <div className="version-part" data-sign={sign}>
      <h3><span aria-hidden="true">{SIGNS[sign]}</span> {title} <span className="muted">{sign}{note !== undefined && `, ${note}`}</span></h3>
      {children}
    </div>
  );
}

function EdgeName({ edge }: { edge: JsonObject }) {
  const when = edge["when"];
  return <><code>{String(edge["source"])}</code> → <code>{String(edge["target"])}</code>{when !== undefined && <> when <code>{JSON.stringify(when)}</code></>}</>;
}
