import { Link } from "@tanstack/react-router";
import type { OlderRuns, Workflow } from "../../../api/types";
import { Button } from "../../../ui/Button";
import { Status } from "../../../ui/Status";

interface Props {
  project: string;
  workflow: Workflow;
  older: OlderRuns;
  onClose: () => void;
}

/** After a version is stored: which unfinished runs stay on earlier ones. */
export function OlderRunsNote({ project, workflow, older, onClose }: Props) {
  return (
    <div className="banner definition-saved" role="status">
      <div>
        <strong>Saved.</strong>{" "}
        {older.total === 0 ? "No unfinished run is on an earlier version." : `${older.cut ? "More than " : ""}${older.total} unfinished ${older.total === 1 ? "run stays" : "runs stay"} on earlier versions:`}
        <ul className="row">
          {older.counts.map(({ version, status, count }) => (
            <li key={`${version}${status}`}>
              <Link to="/p/$project/w/$workflow" params={{ project, workflow: workflow.workflow_id }} search={{ tab: "runs", status: [status] }}>
                {count} × version {version} <Status status={status} />
              </Link>
            </li>
          ))}
        </ul>
      </div>
      <Button kind="plain" size="small" icon="close" aria-label="Dismiss" onClick={onClose} />
    </div>
  );
}
