import type { ComparedNode, Comparison } from "../../api/types";
import { duration } from "../../ui/format";
import { Empty } from "../../ui/Notice";
import { Status } from "../../ui/Status";

/** What each node came to in both runs: status, duration, attempts, and how much longer it took. */
export function NodeTable({ found }: { found: Comparison }) {
  if (found.nodes.length === 0) return <Empty title="The workflows have no nodes" />;
  return (
    <div className="scroll-x compare-tall" tabIndex={0} role="region" aria-label="Table of nodes">
      <table className="table">
        <thead>
          <tr><th scope="col">Node</th><th scope="col">A</th><th scope="col">B</th><th scope="col" className="number">B against A</th></tr>
        </thead>
        <tbody>
          {found.nodes.map((each) => (
            <tr key={each.node_id} data-differs={!each.same || undefined}>
              <th scope="row"><code>{each.node_id}</code></th>
              <td><Side node={each.left} /></td>
              <td><Side node={each.right} /></td>
              <td className="number">{against(each.left, each.right)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {found.nodes_cut && <p className="pane-body muted">More nodes follow.</p>}
    </div>
  );
}

function Side({ node }: { node: ComparedNode | null }) {
  if (node === null) return <span className="muted">not in its definition</span>;
  const parts = [duration(node.duration_ms)];
  if (node.executions > 1) parts.push(`${node.executions} times`);
  if (node.attempts > node.executions) parts.push(`${node.attempts} attempts`);
  if (node.failed > 0) parts.push(`${node.failed} failed`);
  return (
    <span className="row">
      <Status status={node.status} />
      {node.executions > 0 && <span className="muted numeric">{parts.join(", ")}</span>}
    </span>
  );
}

function against(left: ComparedNode | null, right: ComparedNode | null): string {
  if (left === null || right === null || left.executions === 0 || right.executions === 0) return "–";
  const more = right.duration_ms - left.duration_ms;
  return more === 0 ? "±0" : `${more > 0 ? "+" : "−"}${duration(Math.abs(more))}`;
}
