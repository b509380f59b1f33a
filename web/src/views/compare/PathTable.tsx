import { Link } from "@tanstack/react-router";
import type { ComparedStep, Comparison } from "../../api/types";
import { duration } from "../../ui/format";
import { Empty } from "../../ui/Notice";
import { Status } from "../../ui/Status";

/** Every execution of a node, in order, with both runs beside each other. */
export function PathTable({ project, found }: { project: string; found: Comparison }) {
  if (found.path.length === 0) return <Empty title="No node has run in either" />;
  const parts = found.first_divergence?.position;
  return (
    <div className="scroll-x compare-tall" tabIndex={0} role="region" aria-label="Table of steps">
      <table className="table">
        <thead>
          <tr><th scope="col">Node</th><th scope="col">A</th><th scope="col">B</th><th scope="col">Differs in</th></tr>
        </thead>
        <tbody>
          {found.path.map((each, position) => (
            <tr key={`${each.node_id} ${each.execution}`} data-differs={each.differs.length > 0 || undefined} data-first={position === parts || undefined}>
              <th scope="row"><code>{each.node_id}</code>{each.execution > 1 && <span className="muted"> × {each.execution}</span>}</th>
              <td><Step project={project} node={each.node_id} step={each.left} /></td>
              <td><Step project={project} node={each.node_id} step={each.right} /></td>
              <td>{each.differs.length === 0 ? <span className="muted">–</span> : each.differs.map((word) => word.replace("_left", " A").replace("_right", " B")).join(", ")}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {found.path_cut && <p className="pane-body muted">More steps follow.</p>}
    </div>
  );
}

function Step({ project, node, step }: { project: string; node: string; step: ComparedStep | null }) {
  if (step === null) return <span className="muted">did not run</span>;
  return (
    <span className="row">
      <Status status={step.status} />
      <span className="muted numeric">{step.duration_ms === null ? "" : duration(step.duration_ms)}{step.attempt > 1 && `, attempt ${step.attempt}`}</span>
      <Link to="/p/$project/runs/$run" params={{ project, run: step.run_id }} search={{ node }}>open<span className="visually-hidden"> {node}</span></Link>
      {step.inherited && <span className="muted">inherited</span>}
    </span>
  );
}
