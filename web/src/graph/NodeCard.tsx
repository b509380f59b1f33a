/** One node as a card: its type's sign, its name, its status by shape, word and colour, and how far it is. */
import { memo } from "react";
import type { GraphNode } from "../api/types";
import { Icon } from "../ui/Icon";
import { Status } from "../ui/Status";
import type { Box } from "./layout";
import type { NodeSource } from "./source";
import { useInside, useNodeView, useNow } from "./state";
import type { Topology } from "./topology";
import { TypeSign } from "./types";
import { detail, spoken, typeWord } from "./words";

interface Props {
  box: Box;
  node: GraphNode;
  topology: Topology;
  source: NodeSource | null;
  /** Of the element, for `aria-activedescendant`. */
  elementId: string;
  selected: boolean;
}

export const NodeCard = memo(function NodeCard({ box, node, topology, source, elementId, selected, active }: Props & { active: boolean }) {
  const view = useNodeView(source, node.id);
  const inside = useInside(source, node.id, topology);
  const now = useNow(view?.status === "RUNNING" || view?.status === "WAITING");
  const place = { transform: `translate(${box.x}px, ${box.y}px)`, width: box.width, height: box.height };
  const status = source === null ? undefined : (view?.status ?? "PENDING");
  return (
    <div
      id={elementId} role="option" aria-selected={selected} className="graph-card" style={place}
      data-node={node.id} data-status={status} data-open={box.open || undefined} data-selected={selected || undefined}
      data-active={active || undefined} data-group={inside !== null || undefined} title={node.name}
    >
      <span className="visually-hidden">{spoken(node, view, now, inside)}</span>
      <div className="graph-card-face" aria-hidden="true">
        <span className="graph-sign"><TypeSign type={node.type} /></span>
        <span className="graph-title">
          <span className="graph-name">{node.name}</span>
          {view !== undefined && view.attempt > 1 && <span className="graph-badge numeric" title={`Attempt ${view.attempt}`}><Icon name="retry" />{view.attempt}</span>}
          {view !== undefined && view.iterations > 1 && <span className="graph-badge numeric" title={`Run ${view.iterations} times`}>×{view.iterations}</span>}
          {inside !== null && (
            <span className="graph-toggle" data-toggle={node.id} title={box.open ? "Close" : "Show the steps inside"}><Icon name="chevron" /></span>
          )}
        </span>
        <span className="graph-line numeric">
          {status === undefined ? typeWord(node.type) : <Status status={status} />}
          {view !== undefined && <span className="graph-detail">{detail(view, now)}</span>}
          {inside !== null && view?.items == null && (
            <span className="graph-detail">{source === null ? `${inside.total} inside` : `${inside.over}/${inside.total}`}</span>
          )}
        </span>
      </div>
      {view?.status === "RUNNING" && view.progress > 0 && <div className="graph-progress" style={{ width: `${view.progress * 100}%` }} />}
    </div>
  );
});

/** The same for screen readers alone, where the canvas shows the node. */
export function HiddenCard({ node, topology, source, elementId, selected }: Props) {
  const view = useNodeView(source, node.id);
  const inside = useInside(source, node.id, topology);
  const label = spoken(node, view, useNow(view?.status === "RUNNING" || view?.status === "WAITING"), inside);
  return <div id={elementId} role="option" aria-selected={selected} className="visually-hidden">{label}</div>;
}
