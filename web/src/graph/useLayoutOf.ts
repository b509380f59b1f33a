/** A graph's layout: at once where it is known, otherwise when the worker has made it. */
import { createContext, useContext, useEffect, useMemo, useState } from "react";
import { CARD, type Layout } from "./layout";
import { layoutKey, Layouts } from "./layouts";
import type { Size } from "./camera";
import { extentOf, type Direction, type Topology } from "./topology";

/** Below this width, in pixels, steps always go down. */
const NARROW = 640;

export const LayoutsContext = createContext(new Layouts(browserStorage()));

export interface Laid {
  readonly key: string;
  readonly layout: Layout;
}

export function useLayoutOf(topology: Topology, open: ReadonlySet<string>, direction: Direction | null): { laid: Laid | null; error: Error | null } {
  const layouts = useContext(LayoutsContext);
  const key = useMemo(() => (direction === null ? null : layoutKey(topology, open, direction)), [topology, open, direction]);
  const [made, setMade] = useState<Laid | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const known = useMemo(() => (key === null ? null : layouts.known(key)), [layouts, key]);
  const laid = useMemo(() => (known === null || key === null ? made : { key, layout: known }), [known, key, made]);
  useEffect(() => {
    if (key === null || direction === null || known !== null) return;
    let current = true;
    setError(null);
    layouts.make(key, { direction, levels: topology.levels, open }).then(
      (layout) => { if (current) setMade({ key, layout }); },
      (reason: unknown) => { if (current) setError(reason instanceof Error ? reason : new Error(String(reason))); },
    );
    return () => { current = false; };
  }, [layouts, key, direction, known, topology, open]);
  return { laid, error };
}

/** The direction in which a graph shows larger in a pane. */
export function directionFor(topology: Topology, pane: Size): Direction {
  if (pane.width < NARROW) return "down";
  const { steps, widest } = extentOf(topology.levels.get("") ?? { nodes: [], edges: [] });
  const zoom = (width: number, height: number) => Math.min(1, pane.width / width, pane.height / height);
  const right = zoom(steps * (CARD.width + 72), widest * (CARD.height + 22));
  const down = zoom(widest * (CARD.width + 32), steps * (CARD.height + 56));
  return down > right ? "down" : "right";
}

function browserStorage(): Storage | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}
