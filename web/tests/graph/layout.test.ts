import { describe, expect, test } from "vitest";
import type { Graph } from "../../src/api/types";
import { layoutOf, type Layout } from "../../src/graph/layout";
import { overlap } from "../../src/graph/routes";
import { topologyOf, type Direction } from "../../src/graph/topology";
import { diamond, fan, graphOf, layered, loop, nested } from "./graphs";

function laid(graph: Graph, direction: Direction = "right", open: string[] = []): Layout {
  const { levels } = topologyOf(graph);
  return layoutOf({ direction, levels, open: new Set(open) });
}

function boxOf(layout: Layout, id: string) {
  const box = layout.boxes.find((each) => each.id === id);
  if (box === undefined) throw new Error(`no box ${id}`);
  return box;
}

const inside = (one: string, other: string) => one.startsWith(`${other}/`) || other.startsWith(`${one}/`);

function overlaps(layout: Layout): string[] {
  return layout.boxes.flatMap((one, at) =>
    layout.boxes.slice(at + 1).filter((other) => !inside(one.id, other.id) && overlap(one, other)).map((other) => `${one.id} ${other.id}`));
}

/** Points all along a path's curves. */
function along(points: readonly number[]): { x: number; y: number }[] {
  const found: { x: number; y: number }[] = [];
  for (let at = 2; at < points.length; at += 6) {
    const [fromX, fromY, oneX, oneY, twoX, twoY, toX, toY] = points.slice(at - 2, at + 6) as [number, number, number, number, number, number, number, number];
    for (let share = 0; share <= 1; share += 0.05) {
      const [a, b, c, d] = [(1 - share) ** 3, 3 * share * (1 - share) ** 2, 3 * share ** 2 * (1 - share), share ** 3];
      found.push({ x: a * fromX + b * oneX + c * twoX + d * toX, y: a * fromY + b * oneY + c * twoY + d * toY });
    }
  }
  return found;
}

/** Boxes that an edge runs through, other than its own ends. */
function crossed(layout: Layout, graph: Graph): string[] {
  const { edges } = topologyOf(graph);
  return layout.lines.flatMap((line) => {
    const edge = edges.find((each) => each.id === line.id)!;
    const others = layout.boxes.filter((box) => box.id !== edge.source && box.id !== edge.target && !inside(box.id, edge.source));
    return others.filter((box) => along(line.points).some(({ x, y }) =>
      x > box.x + 1 && x < box.x + box.width - 1 && y > box.y + 1 && y < box.y + box.height - 1)).map((box) => `${edge.source}-${edge.target} over ${box.id}`);
  });
}

const shapes: [string, Graph][] = [
  ["a diamond", diamond], ["a loop", loop], ["steps side by side", layered(8, 6)], ["a wide fan", fan(60)],
  ["parts that nothing joins", graphOf(["a", "b", "c", "d"], [["a", "b"]])],
  ["an edge to itself", graphOf(["a", "b"], [["a", "a", { back: true }], ["a", "b"]])],
  ["a cycle that nobody marked", graphOf(["a", "b", "c"], [["a", "b"], ["b", "c"], ["c", "a"]])],
  ["two edges between the same nodes", graphOf(["a", "b"], [["a", "b", { when: "one" }], ["a", "b", { when: "two" }]])],
  ["a long way round", graphOf(["a", "b", "c", "d"], [["a", "b"], ["b", "c"], ["c", "d"], ["a", "d", { when: "skip it all" }]])],
];

describe.each(["right", "down"] as const)("towards %s", (direction) => {
  test.each(shapes)("%s has no two nodes on top of each other", (_, graph) => {
    const layout = laid(graph, direction);
    expect(layout.boxes).toHaveLength(graph.nodes.length);
    expect(overlaps(layout)).toEqual([]);
  });

  test.each(shapes)("no edge of %s runs through a node", (_, graph) => {
    const layout = laid(graph, direction);
    expect(layout.lines).toHaveLength(graph.edges.length);
    expect(crossed(layout, graph)).toEqual([]);
  });

  test.each(shapes)("everything of %s is within the layout's size", (_, graph) => {
    const layout = laid(graph, direction);
    for (const { x, y, width, height } of [...layout.boxes, ...layout.lines.map((line) => line.bounds)]) {
      expect(Math.min(x, y)).toBeGreaterThanOrEqual(-0.1);
      expect(x + width).toBeLessThanOrEqual(layout.width + 0.1);
      expect(y + height).toBeLessThanOrEqual(layout.height + 0.1);
    }
  });

  test("steps follow each other in that direction", () => {
    const layout = laid(diamond, direction);
    const place = (id: string) => (direction === "right" ? boxOf(layout, id).x : boxOf(layout, id).y);
    expect(place("a")).toBeLessThan(place("b"));
    expect(place("b")).toBe(place("c"));
    expect(place("c")).toBeLessThan(place("d"));
  });
});

test("an edge back goes to an earlier step", () => {
  const layout = laid(loop);
  expect(boxOf(layout, "rewrite").x).toBeLessThan(boxOf(layout, "short").x);
});

test("the inside of a node shows once it is open, and within it", () => {
  expect(laid(nested).boxes.map((box) => box.id)).toEqual(["first", "outer", "last"]);
  const layout = laid(nested, "right", ["outer"]);
  const [outer, one, two] = [boxOf(layout, "outer"), boxOf(layout, "outer/one"), boxOf(layout, "outer/two")];
  for (const box of [one, two]) {
    expect(box.x).toBeGreaterThan(outer.x);
    expect(box.y).toBeGreaterThan(outer.y);
    expect(box.x + box.width).toBeLessThan(outer.x + outer.width);
    expect(box.y + box.height).toBeLessThan(outer.y + outer.height);
  }
  expect(layout.lines).toHaveLength(3);
  expect(overlaps(layout)).toEqual([]);
});

test("a graph without nodes is an empty layout", () => {
  expect(laid(graphOf([], []))).toEqual({ direction: "right", width: 0, height: 0, boxes: [], lines: [] });
});

test("a graph of very many steps is laid out too, without dagre", () => {
  const ids = Array.from({ length: 1_500 }, (_, at) => `n${at}`);
  const chain = graphOf(ids, ids.slice(1).map((id, at) => [ids[at]!, id] as [string, string]));
  const layout = laid(chain, "down");
  expect(layout.boxes).toHaveLength(1_500);
  expect(boxOf(layout, "n1499").y).toBeGreaterThan(boxOf(layout, "n1498").y + 60);
});

test("a graph that is too large for dagre overlaps nothing and crosses no node either", () => {
  const ids = Array.from({ length: 201 }, (_, at) => `n${at}`);
  const graph = graphOf([...ids, "aside", "apart"], [
    ...ids.slice(1).map((id, at) => [ids[at]!, id] as [string, string]), ["n3", "n9", { when: "far" }], ["n4", "aside"], ["aside", "n30"],
    ["n50", "n40", { back: true }],
  ]);
  for (const direction of ["right", "down"] as const) {
    const layout = laid(graph, direction);
    expect(layout.lines).toHaveLength(graph.edges.length);
    expect(overlaps(layout)).toEqual([]);
    expect(crossed(layout, graph)).toEqual([]);
  }
});

test("the labels of a long edge stand where it begins, and never on a node or on each other", () => {
  const graph = graphOf(["a", "b", "c", "d"], [["a", "b"], ["b", "c"], ["c", "d"], ["a", "d", { when: "late" }], ["b", "d", { when: "later" }]]);
  const layout = laid(graph, "down");
  const labels = layout.lines.filter((line) => line.label !== null);
  expect(labels).toHaveLength(2);
  const late = labels.find((line) => line.id === "3")!;
  expect(late.label!.y).toBeLessThan(boxOf(layout, "b").y + boxOf(layout, "b").height);
  for (const { label } of labels) {
    expect(layout.boxes.filter((box) => overlap(box, { x: label!.x - 10, y: label!.y - 9, width: 20, height: 18 }))).toEqual([]);
  }
});
