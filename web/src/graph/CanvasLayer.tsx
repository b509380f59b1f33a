/** The canvas of a large graph. It is drawn at most once a frame, and only after something changed. */
import { useEffect, useMemo, useRef } from "react";
import type { NodeView } from "../model/run";
import type { Camera } from "./camera";
import { dependsOn, edgeState, type EdgeState } from "./edges";
import type { Layout } from "./layout";
import { paint } from "./painter";
import { onThemeChange, paletteOf } from "./palette";
import type { NodeSource } from "./source";
import type { Topology } from "./topology";

interface Props {
  layout: Layout;
  topology: Topology;
  source: NodeSource | null;
  camera: Camera;
  selected: string | null;
  /** The node that the keyboard is on, while it is there. */
  focused: string | null;
  cards: boolean;
}

export function CanvasLayer(props: Props) {
  const { layout, topology, source, camera } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const latest = useRef<Pick<Props, "selected" | "focused" | "cards">>(props);
  const redraw = useRef<() => void>(() => undefined);
  const states = useMemo(() => new EdgeStates(topology, source), [topology, source]);

  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d") ?? null;
    if (element === null || context === null) return;
    let palette = paletteOf(element);
    let frame = 0;
    const edges = new Map(topology.edges.map((edge) => [edge.id, edge]));
    const draw = () => {
      frame = 0;
      const { selected, focused, cards } = latest.current;
      const ratio = fit(element, camera);
      paint(context, ratio, {
        view: camera.view, seen: camera.seen(), boxes: layout.boxes, lines: layout.lines, palette, selected, focused, cards,
        name: (id) => topology.nodes.get(id)?.name ?? id,
        label: (line) => edges.get(line.id)?.label ?? "",
        status: (id) => (source === null ? null : (source.node(id)?.status ?? "PENDING")),
        edge: (line) => states.of(line.id),
      });
    };
    const request = () => {
      if (frame === 0) frame = requestAnimationFrame(draw);
    };
    redraw.current = request;
    const drawn = new Map(layout.boxes.map(({ id }) => [id, outlook(source?.node(id))]));
    // Most of what a run tells of a node, as its progress, is in no picture of so many.
    const changed = (id: string) => {
      const now = outlook(source?.node(id));
      if (now === drawn.get(id)) return;
      drawn.set(id, now);
      states.changed(id);
      request();
    };
    const ends = [
      // The camera tells once a frame already: drawing with it keeps the canvas and the cards in step.
      camera.subscribe(() => { cancelAnimationFrame(frame); draw(); }),
      onThemeChange(() => { palette = paletteOf(element); request(); }),
      ...(source === null ? [] : layout.boxes.map(({ id }) => source.subscribe(id, () => changed(id)))),
    ];
    draw();
    return () => {
      cancelAnimationFrame(frame);
      ends.forEach((end) => end());
    };
  }, [layout, topology, source, camera, states]);
  const { selected, focused, cards } = props;
  useEffect(() => {
    latest.current = { selected, focused, cards };
    redraw.current();
  }, [selected, focused, cards]);
  return <canvas className="graph-canvas" ref={canvas} aria-hidden="true" />;
}

/** All of a node that the picture depends on. */
function outlook(node: NodeView | undefined): string {
  return node === undefined ? "" : `${node.status} ${Math.min(2, node.iterations)}`;
}

/** Gives the canvas the pane's size in the screen's own pixels, and says how many of these a pixel has. */
function fit(element: HTMLCanvasElement, camera: Camera): number {
  const ratio = Math.min(3, globalThis.devicePixelRatio || 1);
  const [width, height] = [Math.round(camera.size.width * ratio), Math.round(camera.size.height * ratio)];
  if (element.width !== width) element.width = width;
  if (element.height !== height) element.height = height;
  return ratio;
}

/** The edges' states, worked out again only for those that a changed node touches. */
class EdgeStates {
  private readonly known = new Map<string, EdgeState>();
  private readonly touching = new Map<string, string[]>();
  private readonly edges;

  constructor(private readonly topology: Topology, private readonly source: NodeSource | null) {
    this.edges = new Map(topology.edges.map((edge) => [edge.id, edge]));
    for (const edge of topology.edges) {
      for (const id of dependsOn(edge, topology)) this.touching.set(id, [...(this.touching.get(id) ?? []), edge.id]);
    }
  }

  changed(nodeId: string): void {
    for (const id of this.touching.get(nodeId) ?? []) this.known.delete(id);
  }

  of(id: string): EdgeState {
    const known = this.known.get(id);
    const edge = this.edges.get(id);
    if (known !== undefined || edge === undefined) return known ?? "idle";
    const { source } = this;
    const state = source === null ? "idle" : edgeState(edge, (each) => source.node(each), this.topology);
    this.known.set(id, state);
    return state;
  }
}
