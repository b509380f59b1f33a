/** A graph, with the state of a run on it if there is one. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Graph } from "../api/types";
import { Empty, Failure, Loading } from "../ui/Notice";
import { Camera, type Size } from "./camera";
import type { Direction } from "./topology";
import { Scene } from "./Scene";
import type { NodeSource } from "./source";
import { ancestors, topologyOf } from "./topology";
import { directionFor, useLayoutOf } from "./useLayoutOf";
import "./graph.css";

interface Props {
  graph: Graph;
  /** The run's nodes; null draws the graph alone. */
  source: NodeSource | null;
  selected: string | null;
  onSelect: (id: string | null) => void;
  /** A node was opened: by Enter, or by a double click. */
  onOpen?: (id: string) => void;
}

export function GraphView({ graph, source, selected, onSelect, onOpen }: Props) {
  const topology = useMemo(() => topologyOf(graph), [graph]);
  const [camera] = useState(() => new Camera());
  const pane = useRef<HTMLDivElement>(null);
  const direction = useDirection(pane, camera, (size) => directionFor(topology, size), topology);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    const around = selected === null ? [] : ancestors(topology, selected);
    if (around.length > 0) setOpen((before) => (around.every((id) => before.has(id)) ? before : new Set([...before, ...around])));
  }, [topology, selected]);
  const toggle = (id: string) => {
    if (!topology.children.has(id)) return;
    setOpen((before) => new Set(before.has(id) ? [...before].filter((each) => each !== id) : [...before, id]));
  };
  const { laid, error } = useLayoutOf(topology, open, direction);
  const shown = laid?.layout ?? null;
  if (graph.nodes.length === 0) return <Empty title="No nodes">This workflow has no nodes yet. Add some to its definition.</Empty>;
  return (
    <div className="graph" ref={pane}>
      {error !== null && <Failure error={error} />}
      {error === null && shown === null && <Loading what="Arranging the graph" />}
      {shown !== null && (
        <Scene
          layout={shown} topology={topology} source={source} camera={camera} selected={selected} onSelect={onSelect}
          onOpen={onOpen ?? null} onToggle={toggle}
        />
      )}
    </div>
  );
}

/** Which way the steps go, from the pane's first size on; a pane that becomes narrow, or no longer is, asks again. */
function useDirection(
  pane: React.RefObject<HTMLDivElement | null>, camera: Camera, choose: (size: Size) => Direction, topology: unknown,
): Direction | null {
  const [direction, setDirection] = useState<Direction | null>(null);
  const current = useRef(choose);
  current.current = choose;
  const narrow = useRef<boolean | null>(null);
  useLayoutEffect(() => {
    const element = pane.current;
    if (element === null) return;
    narrow.current = null;
    const measure = () => {
      const size = { width: element.clientWidth, height: element.clientHeight };
      if (size.width === 0 || size.height === 0) return;
      camera.resize(size);
      if (narrow.current === size.width < 640) return;
      narrow.current = size.width < 640;
      setDirection(current.current(size));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [pane, camera, topology]);
  return direction;
}
