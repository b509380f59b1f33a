/** A run's state as the parts of the graph read it: each is drawn again when one of its own nodes changes, and only then. */
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { NodeView } from "../model/run";
import { dependsOn, edgeState, type EdgeState } from "./edges";
import { subscribeAll, type NodeSource } from "./source";
import type { Edge, Topology } from "./topology";
import { descendants } from "./topology";

export function useNodeView(source: NodeSource | null, id: string): NodeView | undefined {
  const subscribe = useCallback((listener: () => void) => subscribeAll(source, [id], listener), [source, id]);
  return useSyncExternalStore(subscribe, () => source?.node(id));
}

export function useEdgeState(source: NodeSource | null, edge: Edge, topology: Topology): EdgeState {
  const subscribe = useCallback(
    (listener: () => void) => subscribeAll(source, dependsOn(edge, topology), listener), [source, edge, topology],
  );
  return useSyncExternalStore(subscribe, () => (source === null ? "idle" : edgeState(edge, (id) => source.node(id), topology)));
}

export interface Inside {
  readonly total: number;
  readonly over: number;
  readonly failed: number;
}

/** How far the steps inside of a node are; null for one that has none. */
export function useInside(source: NodeSource | null, id: string, topology: Topology): Inside | null {
  const steps = useMemo(() => descendants(topology, id).filter((each) => !topology.children.has(each)), [topology, id]);
  const subscribe = useCallback((listener: () => void) => subscribeAll(source, steps, listener), [source, steps]);
  const count = (statuses: readonly string[]) => steps.filter((each) => statuses.includes(source?.node(each)?.status ?? "")).length;
  const told = useSyncExternalStore(subscribe, () => {
    const failed = count(["FAILED"]);
    return `${count(["COMPLETED", "SKIPPED", "CANCELLED"]) + failed} ${failed}`;
  });
  return useMemo(() => {
    const [over = 0, failed = 0] = told.split(" ").map(Number);
    return steps.length === 0 ? null : { total: steps.length, over, failed };
  }, [steps, told]);
}

/** The time, again each second while `ticking`. */
export function useNow(ticking: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!ticking) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [ticking]);
  return now;
}
