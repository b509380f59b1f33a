import type { GraphNode } from "../../../api/types";
import { useRunView } from "../../../live/hooks";
import { Status } from "../../../ui/Status";

/** The nodes of the workflow that this node runs. */
export function Inside({ nodes, onSelect }: { nodes: readonly GraphNode[]; onSelect: (id: string) => void }) {
  const run = useRunView();
  return (
    <ul className="attempts">
      {nodes.map((node) => (
        <li key={node.id}>
          <button type="button" className="attempt" onClick={() => onSelect(node.id)}>
            <Status status={run.nodes.get(node.id)?.status ?? "PENDING"} /> <span>{node.name}</span> <span className="muted small">{node.type}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
