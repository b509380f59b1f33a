/** What the pane shows once it is laid out: it moves with the camera, has one stop for Tab, and follows pointer and keys. */
import { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type MouseEvent } from "react";
import { opening, type Camera } from "./camera";
import { Controls } from "./Controls";
import { EdgeLayer } from "./EdgeLayer";
import { followGestures } from "./gestures";
import type { Box, Layout } from "./layout";
import { inOrder, nodeAfter } from "./navigation";
import { NodeCard } from "./NodeCard";
import type { NodeSource } from "./source";
import type { Topology } from "./topology";

interface Props {
  layout: Layout;
  topology: Topology;
  source: NodeSource | null;
  camera: Camera;
  selected: string | null;
  onSelect: (id: string | null) => void;
  onOpen: ((id: string) => void) | null;
  onToggle: (id: string) => void;
}

export function Scene({ layout, topology, source, camera, selected, onSelect, onOpen, onToggle }: Props) {
  const stage = useRef<HTMLDivElement>(null);
  const world = useRef<HTMLDivElement>(null);
  const base = useId();
  const boxes = useMemo(() => new Map(layout.boxes.map((box) => [box.id, box])), [layout]);
  const order = useMemo(() => inOrder(layout), [layout]);
  const [at, setActive] = useState<string | null>(selected);
  const active = at !== null && boxes.has(at) ? at : (order[0]?.id ?? null);
  const select = useCallback((id: string | null) => { if (id !== null) setActive(id); onSelect(id); }, [onSelect]);

  useLayoutEffect(() => {
    const place = () => {
      const { x, y, zoom } = camera.view;
      if (world.current !== null) world.current.style.transform = `translate(${x}px, ${y}px) scale(${zoom})`;
    };
    const end = camera.subscribe(place);
    const focus = focusOf(selected, order, source);
    camera.open(layout, (pane) => opening(layout, pane, focus === null ? null : (boxes.get(focus) ?? null), order[0] ?? null));
    camera.tell();
    return end;
    // The opening view is of the layout: later selections move the camera only as far as they have to.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [camera, layout]);
  useEffect(() => {
    const box = selected === null ? undefined : boxes.get(selected);
    if (box === undefined) return;
    setActive(box.id);
    camera.reveal(box);
  }, [camera, boxes, selected]);
  useEffect(() => {
    const element = stage.current;
    if (element === null) return;
    return followGestures(element, camera, (dragging) => { element.dataset["dragging"] = `${dragging}`; });
  }, [camera]);

  const keys = (event: KeyboardEvent<HTMLElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = nodeAfter(event.key, active, topology, layout);
    const acts: Record<string, (() => void) | undefined> = {
      Enter: () => { if (active !== null) { select(active); onOpen?.(active); } },
      " ": () => { if (active !== null) { if (topology.children.has(active)) onToggle(active); else select(active); } },
      Escape: selected === null ? undefined : () => select(null),
      "+": () => camera.zoomBy(1.25), "-": () => camera.zoomBy(0.8), "0": () => camera.fit(),
    };
    const act = acts[event.key];
    if (next === null && act === undefined && !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    event.stopPropagation();
    if (act !== undefined) act();
    else if (next !== null) { setActive(next); camera.reveal(boxes.get(next)!); }
  };
  const click = (event: MouseEvent<HTMLElement>) => {
    const target = event.target instanceof Element ? event.target : null;
    const toggled = target?.closest<HTMLElement>("[data-toggle]")?.dataset["toggle"];
    const id = target?.closest<HTMLElement>("[data-node]")?.dataset["node"] ?? null;
    if (toggled !== undefined) onToggle(toggled);
    else if (id !== null && event.detail === 2 && onOpen !== null) onOpen(id);
    else select(id);
  };
  const elementOf = (id: string) => `${base}-${id}`;
  return (
    <>
      <div
        className="graph-stage" ref={stage} role="listbox" tabIndex={0} aria-label={`Graph, ${order.length} nodes`}
        aria-activedescendant={active === null ? undefined : elementOf(active)} onKeyDown={keys} onClick={click}
      >
        <div className="graph-world" ref={world}>
          <EdgeLayer layout={layout} topology={topology} source={source} />
          {order.map((box: Box) => (
            <NodeCard
              key={box.id} box={box} node={topology.nodes.get(box.id)!} topology={topology} source={source} elementId={elementOf(box.id)}
              selected={box.id === selected} active={box.id === active}
            />
          ))}
        </div>
      </div>
      <Controls camera={camera} />
    </>
  );
}

/** What a run is looked at for: the selected node, the first that failed, waits or runs. */
function focusOf(selected: string | null, order: readonly Box[], source: NodeSource | null): string | null {
  if (selected !== null) return selected;
  const status = new Map(order.map((box) => [box.id, source?.node(box.id)?.status]));
  const first = (wanted: string) => order.find((box) => status.get(box.id) === wanted)?.id;
  return first("FAILED") ?? first("WAITING") ?? first("RUNNING") ?? null;
}
