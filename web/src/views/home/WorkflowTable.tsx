import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { workflows as workflowsQuery } from "../../api/queries";
import type { Project, WorkflowFigures } from "../../api/types";
import { duration, percent } from "../../ui/format";
import { RunBars } from "./RunBars";

/** One row a workflow: its last runs, and its figures. */
export function WorkflowTable({ project, workflows }: { project: Project; workflows: readonly WorkflowFigures[] }) {
  const about = new Map(useQuery(workflowsQuery(project.slug)).data?.items.map((each) => [each.workflow_id, each.description]));
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label="Workflows and their figures">
      <table className="table home-workflows">
        <thead>
          <tr>
            <th scope="col">Workflow</th>
            <th scope="col">Last runs</th>
            <th scope="col" className="number">Live</th>
            <th scope="col" className="number">Success</th>
            <th scope="col" className="number">p50</th>
            <th scope="col" className="number">p95</th>
          </tr>
        </thead>
        <tbody>
          {workflows.map((each) => (
            <tr key={each.workflow_id}>
              <th scope="row">
                <Link to="/p/$project/w/$workflow" params={{ project: project.slug, workflow: each.workflow_id }}>{each.name}</Link>
                <p className="muted">{about.get(each.workflow_id)}</p>
              </th>
              <td><RunBars project={project} runs={each.last_runs} name={each.name} /></td>
              <td className="number">{each.running + each.waiting || "–"}</td>
              <td className="number">{each.success_rate === null ? "–" : percent(each.success_rate)}</td>
              <td className="number">{shown(each.duration.p50_ms)}</td>
              <td className="number">{shown(each.duration.p95_ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function shown(ms: number | null): string {
  return ms === null ? "–" : duration(ms);
}
