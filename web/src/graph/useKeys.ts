import type { KeyboardEvent } from "react";
import type { Camera } from "./camera";
import type { Layout } from "./layout";
import { nodeAfter } from "./navigation";
import type { Topology } from "./topology";

interface Keys {
  layout: Layout;
  topology: Topology;
  camera: Camera;
  active: string | null;
  selected: string | null;
  move: (id: string) => void;
  select: (id: string | null) => void;
  open: ((id: string) => void) | null;
  toggle: (id: string) => void;
}

/** The graph's keys: arrows along the edges, Enter selects and opens, Space shows what is inside, Esc leaves, + - 0 zoom. */
export function useKeys(keys: Keys): (event: KeyboardEvent<HTMLElement>) => void {
  const { layout, topology, camera, active, selected, move, select, open, toggle } = keys;
  const acts: Readonly<Record<string, (() => void) | undefined>> = {
    Enter: active === null ? undefined : () => { select(active); open?.(active); },
    " ": active === null ? undefined : () => (topology.children.has(active) ? toggle(active) : select(active)),
    Escape: selected === null ? undefined : () => select(null),
    "+": () => camera.zoomBy(1.25),
    "-": () => camera.zoomBy(0.8),
    0: () => camera.fit(),
  };
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = nodeAfter(event.key, active, topology, layout);
    const act = acts[event.key];
    if (next === null && act === undefined && !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    event.stopPropagation();
    if (act !== undefined) act();
    else if (next !== null) move(next);
  };
}
