/** What the graph asks of a run: a node's state, and word when it changes. Null stands for a graph that does not run. */
import type { NodeView } from "../model/run";

export interface NodeSource {
  /** The same object until the node changes. */
  node(id: string): NodeView | undefined;
  /** Gives the way to stop it. */
  subscribe(id: string, listener: () => void): () => void;
}

/** Be told of any of several nodes. */
export function subscribeAll(source: NodeSource | null, ids: Iterable<string>, listener: () => void): () => void {
  const ends = source === null ? [] : [...ids].map((id) => source.subscribe(id, listener));
  return () => ends.forEach((end) => end());
}
