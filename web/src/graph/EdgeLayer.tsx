/** The edges of a graph that is small enough for the page's elements. */
import { memo } from "react";
import type { Layout, Line } from "./layout";
import { headOf, svgPath } from "./routes";
import type { NodeSource } from "./source";
import { useEdgeState } from "./state";
import type { Edge, Topology } from "./topology";

interface Props {
  layout: Layout;
  topology: Topology;
  source: NodeSource | null;
}

export const EdgeLayer = memo(function EdgeLayer({ layout, topology, source }: Props) {
  const edges = new Map(topology.edges.map((edge) => [edge.id, edge]));
  const drawn = layout.lines.flatMap((line) => {
    const edge = edges.get(line.id);
    return edge === undefined ? [] : [{ line, edge }];
  });
  return (
    <>
      <svg className="graph-edges" width={layout.width} height={layout.height} aria-hidden="true" focusable="false">
        {drawn.map(({ line, edge }) => (
          <EdgeLine key={edge.id} line={line} edge={edge} topology={topology} source={source} />
        ))}
      </svg>
      {drawn.map(({ line, edge }) => line.label !== null && (
        <EdgeLabel key={edge.id} line={line} edge={edge} topology={topology} source={source} />
      ))}
    </>
  );
});

interface EdgeProps {
  line: Line;
  edge: Edge;
  topology: Topology;
  source: NodeSource | null;
}

const EdgeLine = memo(function EdgeLine({ line, edge, topology, source }: EdgeProps) {
  const state = useEdgeState(source, edge, topology);
  return (
    <g className="graph-edge" data-state={state} data-back={edge.back || undefined}>
      <path className="graph-edge-line" d={svgPath(line.points)} />
      <polygon className="graph-edge-head" points={headOf(line.points).map(({ x, y }) => `${x},${y}`).join(" ")} />
    </g>
  );
});

const EdgeLabel = memo(function EdgeLabel({ line, edge, topology, source }: EdgeProps) {
  const state = useEdgeState(source, edge, topology);
  const place = { transform: `translate(${line.label?.x ?? 0}px, ${line.label?.y ?? 0}px) translate(-50%, -50%)` };
  return <span className="graph-label" data-state={state} style={place} title={edge.label} aria-hidden="true">{edge.label}</span>;
});
