import { useMemo } from "react";
import type { Graph } from "../../api/types";
import { useShortcuts } from "../../app/shortcuts";
import { useRunReader } from "../../live/hooks";
import { failuresOf } from "./list/rows";
import type { Selection } from "./selection";

/** The one after (`step` 1) or before (-1) the current of a ring; the first, or the last, when there is none. */
export function around(ring: readonly string[], current: string | null, step: 1 | -1): string | null {
  if (ring.length === 0) return null;
  const at = current === null ? -1 : ring.indexOf(current);
  if (at < 0) return ring[step === 1 ? 0 : ring.length - 1] ?? null;
  return ring[(at + step + ring.length) % ring.length] ?? null;
}

/** The keys of the run's page. */
export function useRunKeys(selection: Selection, graph: Graph | undefined): void {
  const reader = useRunReader();
  const ids = useMemo(() => graph?.nodes.map((node) => node.id) ?? [], [graph]);
  const select = (ring: readonly string[], step: 1 | -1) => {
    const next = around(ring, selection.node, step);
    if (next !== null) selection.selectNode(next);
  };
  const failures = () => failuresOf(graph?.nodes ?? [], reader.shown().nodes);
  useShortcuts({
    J: () => select(ids, 1),
    K: () => select(ids, -1),
    N: () => select(failures(), 1),
    "Shift+N": () => select(failures(), -1),
    G: () => selection.selectTab("graph"),
    T: () => selection.selectTab("timeline"),
    L: () => selection.selectTab("list"),
    I: () => document.getElementById("inspector")?.focus(),
    Escape: () => selection.selectNode(null),
  });
}
