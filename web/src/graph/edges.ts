/** What became of an edge, as far as its nodes' states tell. */
import type { NodeView } from "../model/run";
import type { Edge, Topology } from "./topology";

/** `live`: what it leads to is at work. `idle`: nobody knows yet, or nothing runs. */
export type EdgeState = "idle" | "live" | "taken" | "skipped";

const OVER = new Set(["COMPLETED", "FAILED", "CANCELLED"]);
const BUSY = new Set(["READY", "RUNNING", "WAITING"]);

/** The nodes whose states an edge's depends on. */
export function dependsOn(edge: Edge, topology: Topology): string[] {
  return [...new Set([edge.source, edge.target, ...others(edge, topology)])];
}

export function edgeState(edge: Edge, node: (id: string) => NodeView | undefined, topology: Topology): EdgeState {
  const [source, target] = [node(edge.source), node(edge.target)];
  if (source === undefined || target === undefined) return "idle";
  if (edge.back) return target.iterations > 1 ? (BUSY.has(target.status) ? "live" : "taken") : OVER.has(source.status) ? "skipped" : "idle";
  if (source.status === "SKIPPED" || target.status === "SKIPPED") return "skipped";
  if (!OVER.has(source.status)) return "idle";
  if (wentElsewhere(edge, source, node, topology)) return "skipped";
  if (BUSY.has(target.status)) return "live";
  return OVER.has(target.status) ? "taken" : "idle";
}

/** Where only one way leads to, it was taken if that runs; then its source's other ways were not. */
function wentElsewhere(edge: Edge, source: NodeView, node: (id: string) => NodeView | undefined, topology: Topology): boolean {
  if (edge.label === "error" && source.status !== "FAILED") return true;
  if (source.iterations > 1) return false;
  return others(edge, topology).some((id) => {
    const status = node(id)?.status;
    return status !== undefined && (OVER.has(status) || BUSY.has(status));
  });
}

/** The targets of the other outcomes of the edge's source that can be reached over them only. */
function others(edge: Edge, topology: Topology): string[] {
  const beside = topology.out.get(edge.source) ?? [];
  const outcomes = beside.filter((each) => !each.back && each.label !== edge.label && each.target !== edge.target);
  return outcomes.map((each) => each.target).filter((id) => (topology.into.get(id) ?? []).filter((each) => !each.back).length === 1);
}
