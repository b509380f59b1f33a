/** One store a run: the view, the events, the connection. Changes are told once a frame. */
import type { RunEvent } from "../api/types";
import type { NodeView, RunView } from "../model/run";

/** `connecting` at first, `live`, `stale` after two missed heartbeats, `down` while it comes back, `ended` with the run. */
export type Connection = "connecting" | "live" | "stale" | "down" | "ended";

export interface RunStore {
  /** Be called when anything has changed, once a frame. Gives the way to stop it. */
  subscribe(listener: () => void): () => void;
  /** Be called when this node has changed. */
  subscribeNode(nodeId: string, listener: () => void): () => void;
  /** The same object until something changes. */
  view(): RunView;
  node(nodeId: string): NodeView | undefined;
  /** Every event so far, in order; it grows in place. `version` changes when it does. */
  events(): { readonly items: readonly RunEvent[]; readonly version: number };
  connection(): Connection;
}
