/** Graphs to lay out and walk, by their shape. */
import type { Graph, GraphEdge } from "../../src/api/types";

export function graphOf(ids: readonly string[], edges: readonly (readonly [string, string, Partial<GraphEdge>?])[]): Graph {
  return {
    workflow_id: "w", version: 1,
    nodes: ids.map((id) => ({ id, type: "process", name: `Node ${id}` })),
    edges: edges.map(([source, target, more]) => ({ source, target, back: false, ...more })),
  };
}

export const diamond = graphOf(["a", "b", "c", "d"], [["a", "b"], ["a", "c"], ["b", "d"], ["c", "d"]]);

export const loop = graphOf(["draft", "rewrite", "short", "done"], [
  ["draft", "rewrite"], ["rewrite", "short"], ["short", "rewrite", { back: true, when: true }], ["short", "done", { when: false }],
]);

export const nested = graphOf(["first", "outer", "outer/one", "outer/two", "last"], [["first", "outer"], ["outer/one", "outer/two"], ["outer", "last"]]);

/** Steps of equal width, joined straight and now and then across. */
export function layered(steps: number, wide: number): Graph {
  const ids = Array.from({ length: steps * wide }, (_, at) => `n${at}`);
  const edges: [string, string][] = [];
  for (let at = 0; at + wide < ids.length; at += 1) {
    edges.push([ids[at]!, ids[at + wide]!]);
    const across = (Math.floor(at / wide) + 1) * wide + ((at * 3 + 1) % wide);
    if (at % 3 === 0 && across !== at + wide) edges.push([ids[at]!, ids[across]!]);
  }
  return graphOf(ids, edges);
}

export function fan(wide: number): Graph {
  const ids = Array.from({ length: wide }, (_, at) => `n${at}`);
  return graphOf(["start", ...ids, "end"], ids.flatMap((id) => [["start", id], [id, "end"]] as [string, string][]));
}
