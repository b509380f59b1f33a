import type { NodeView } from "../../../model/run";
import { Elapsed } from "../../../ui/Clock";

/** How long a node took, or has been at it. */
export function Took({ view }: { view: NodeView | undefined }) {
  if (view === undefined || view.startedAt === null) return null;
  const going = view.status === "RUNNING" || view.status === "WAITING";
  if (view.completedAt === null && !going) return null;
  return <Elapsed since={view.startedAt} until={going ? null : view.completedAt} />;
}
