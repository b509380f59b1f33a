import { Link, getRouteApi } from "@tanstack/react-router";
import { useId, type ReactNode } from "react";
import type { NodeFigures, WorkflowStats } from "../../../api/types";
import { duration } from "../../../ui/format";
import { rowsOf } from "./series";

const route = getRouteApi("/p/$project/w/$workflow");
const WHEN = { hour: new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }), day: new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" }) };

export function CountTable({ stats }: { stats: WorkflowStats }) {
  return (
    <Table heads={["Completed", "Failed", "Cancelled"]}>
      {rowsOf(stats.series).map(({ start, counts }) => (
        <Row key={start} name={WHEN[stats.resolution].format(Date.parse(start))} values={[counts.COMPLETED, counts.FAILED, counts.CANCELLED].map(String)} />
      ))}
    </Table>
  );
}

export function DurationTable({ stats }: { stats: WorkflowStats }) {
  return (
    <Table heads={["p50", "p95"]}>
      {rowsOf(stats.series).filter(({ p50_ms }) => p50_ms !== null).map(({ start, p50_ms, p95_ms }) => (
        <Row key={start} name={WHEN[stats.resolution].format(Date.parse(start))} values={[shown(p50_ms), shown(p95_ms)]} />
      ))}
    </Table>
  );
}

function Table({ heads, children }: { heads: readonly string[]; children: ReactNode }) {
  return (
    <table className="table">
      <thead><tr><th scope="col">From</th>{heads.map((head) => <th scope="col" className="number" key={head}>{head}</th>)}</tr></thead>
      <tbody>{children}</tbody>
    </table>
  );
}

function Row({ name, values }: { name: string; values: readonly string[] }) {
  return <tr><th scope="row">{name}</th>{values.map((value, at) => <td className="number" key={at}>{value}</td>)}</tr>;
}

/** Nodes with their figures; each leads to its place in the graph. */
export function NodeTable({ title, nodes, none }: { title: string; nodes: readonly NodeFigures[]; none: string }) {
  const id = useId();
  const { project } = route.useParams();
  return (
    <section className="pane" aria-labelledby={id}>
      <div className="pane-head"><h2 id={id}>{title}</h2></div>
      {nodes.length === 0 ? <p className="pane-body muted">{none}</p> : (
        <div className="scroll-x stats-table" tabIndex={0} role="region" aria-label={`Table: ${title}`}>
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Node</th><th scope="col" className="number">Ran</th><th scope="col" className="number">Failed</th>
                <th scope="col" className="number">Mean</th><th scope="col" className="number">Longest</th>
              </tr>
            </thead>
            <tbody>
              {nodes.map((node) => (
                <tr key={`${node.workflow_id} ${node.node_id}`}>
                  <th scope="row"><Link className="mono" to="/p/$project/w/$workflow" params={{ project, workflow: node.workflow_id }} search={{ tab: "graph", node: node.node_id }}>{node.node_id}</Link></th>
                  <td className="number">{node.executions}</td>
                  <td className="number">{node.failed > 0 ? <span className="problem-text">{node.failed}</span> : 0}</td>
                  <td className="number">{shown(node.mean_ms)}</td>
                  <td className="number">{shown(node.max_ms)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

const shown = (ms: number | null): string => (ms === null ? "–" : duration(ms));
