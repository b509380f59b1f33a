/** What the pane shows once it is laid out: it moves with the camera, has one stop for Tab, and follows pointer and keys. */
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState, type MouseEvent, type PointerEvent } from "react";
import { opening, type Camera } from "./camera";
import { CanvasLayer } from "./CanvasLayer";
import { Controls } from "./Controls";
import { EdgeLayer } from "./EdgeLayer";
import { followGestures } from "./gestures";
import { boxAt, hitsOf } from "./hits";
import type { Box, Layout } from "./layout";
import { Minimap } from "./Minimap";
import { inOrder } from "./navigation";
import { HiddenCard, NodeCard } from "./NodeCard";
import type { NodeSource } from "./source";
import type { Topology } from "./topology";
import { useKeys } from "./useKeys";
import { LARGE, useShown } from "./useShown";

const MANY = 40;

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
  const order = useMemo(() => inOrder(topology, layout), [topology, layout]);
  const hits = useMemo(() => hitsOf(layout.boxes), [layout]);
  const large = layout.boxes.length > LARGE;
  const shown = useShown(camera, order);
  const [at, setActive] = useState<string | null>(selected);
  const active = at !== null && boxes.has(at) ? at : (order[0]?.id ?? null);
  const [focused, setFocused] = useState(false);

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
    // Where it opens depends on what is selected then: later selections move the camera only as far as they have to.
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

  const select = (id: string | null) => {
    if (id !== null) setActive(id);
    onSelect(id);
  };
  const move = (id: string) => {
    setActive(id);
    camera.reveal(boxes.get(id)!);
  };
  const keys = useKeys({ layout, topology, camera, active, selected, move, select, open: onOpen, toggle: onToggle });
  const under = (event: MouseEvent<HTMLElement>): string | null => {
    const card = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-node]") : null;
    if (card !== null || shown.cards) return card?.dataset["node"] ?? null;
    const corner = event.currentTarget.getBoundingClientRect();
    const { x, y, zoom } = camera.view;
    return boxAt(hits, (event.clientX - corner.x - x) / zoom, (event.clientY - corner.y - y) / zoom)?.id ?? null;
  };
  const click = (event: MouseEvent<HTMLElement>) => {
    const toggled = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-toggle]")?.dataset["toggle"] : undefined;
    const id = under(event);
    if (toggled !== undefined) onToggle(toggled);
    else if (id !== null && event.detail === 2 && onOpen !== null) onOpen(id);
    else select(id);
  };
  const hover = (event: PointerEvent<HTMLElement>) => {
    if (shown.cards) return;
    const id = under(event);
    event.currentTarget.title = id === null ? "" : (topology.nodes.get(id)?.name ?? id);
    event.currentTarget.dataset["over"] = `${id !== null}`;
  };
  const elementOf = (id: string) => `${base}-${id}`;
  const card = (box: Box) => ({ box, node: topology.nodes.get(box.id)!, topology, source, elementId: elementOf(box.id), selected: box.id === selected });
  return (
    <>
      <div
        className="graph-stage" ref={stage} role="listbox" tabIndex={0} aria-label={`Graph, ${order.length} nodes`} data-canvas={!shown.cards || undefined}
        aria-activedescendant={active === null ? undefined : elementOf(active)} onKeyDown={keys} onClick={click}
        onPointerMove={large ? hover : undefined} onFocus={(event) => setFocused(event.currentTarget.matches(":focus-visible"))}
        onBlur={() => setFocused(false)}
      >
        {large && (
          <CanvasLayer
            layout={layout} topology={topology} source={source} camera={camera} selected={selected} focused={focused ? active : null}
            cards={shown.cards}
          />
        )}
        <div className="graph-world" ref={world} role="presentation" data-many={order.length > MANY || undefined}>
          {!large && <EdgeLayer layout={layout} topology={topology} source={source} />}
          {shown.boxes.map((box) => <NodeCard key={box.id} {...card(box)} active={box.id === active} />)}
        </div>
        {active !== null && !shown.boxes.some((box) => box.id === active) && <HiddenCard key={active} {...card(boxes.get(active)!)} />}
      </div>
      <Controls camera={camera} />
      {large && <Minimap layout={layout} source={source} camera={camera} />}
    </>
  );
}

/** What a run is looked at for: the selected node, the first that failed, waits or runs. */
function focusOf(selected: string | null, order: readonly Box[], source: NodeSource | null): string | null {
  if (selected !== null) return selected;
  const first = (wanted: string) => order.find((box) => source?.node(box.id)?.status === wanted)?.id;
  return first("FAILED") ?? first("WAITING") ?? first("RUNNING") ?? null;
}
