import type { Run } from "../../../api/types";
import { useLive } from "../../../live/hooks";
import { Button } from "../../../ui/Button";
import { Icon } from "../../../ui/Icon";

/** Why a failed run failed. */
export function RunFailure({ run, onOpenNode }: { run: Run; onOpenNode: (nodeId: string) => void }) {
  const failed = useLive((view) => view.status === "FAILED");
  const error = useLive((view) => view.error) ?? run.error;
  if (!failed || error === null) return null;
  const { node_id: node, code, type, message } = error;
  return (
    <div className="run-failure" role="alert">
      <Icon name="failed" />
      <div>
        <strong>{node === null ? "The run failed" : <>Node <code>{node}</code> failed</>}</strong> <span className="muted">{[code, type].filter(Boolean).join(" · ")}</span>
        <p>{message ?? "Nothing more is known."}</p>
      </div>
      {node !== null && <Button size="small" onClick={() => onOpenNode(node)}>Open failed node</Button>}
    </div>
  );
}
