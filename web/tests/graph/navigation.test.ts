import { expect, test } from "vitest";
import type { Graph } from "../../src/api/types";
import { boxAt, hitsOf } from "../../src/graph/hits";
import { layoutOf } from "../../src/graph/layout";
import { inOrder, nodeAfter } from "../../src/graph/navigation";
import { topologyOf, type Direction } from "../../src/graph/topology";
import { diamond, graphOf, layered, loop, nested } from "./graphs";

function walker(graph: Graph, direction: Direction = "right", open: string[] = []) {
  const topology = topologyOf(graph);
  const layout = layoutOf({ direction, levels: topology.levels, open: new Set(open) });
  return {
    layout, topology,
    press: (from: string | null, ...keys: string[]) => keys.reduce<string | null>((at, key) => nodeAfter(key, at, topology, layout) ?? at, from),
  };
}

test("arrows along the direction follow the edges, arrows across go to those beside", () => {
  const { press, layout } = walker(diamond);
  const upper = layout.boxes.find((box) => box.id === "b")!.y < layout.boxes.find((box) => box.id === "c")!.y ? "b" : "c";
  const lower = upper === "b" ? "c" : "b";
  expect(press(upper, "ArrowDown")).toBe(lower);
  expect(press(lower, "ArrowUp")).toBe(upper);
  expect(press(lower, "ArrowDown")).toBe(lower);
  expect(press("b", "ArrowRight")).toBe("d");
  expect(press("b", "ArrowLeft")).toBe("a");
  expect(["b", "c"]).toContain(press("a", "ArrowRight"));
});

test("where steps go down, the arrows turn with them", () => {
  const { press } = walker(diamond, "down");
  expect(press("b", "ArrowDown")).toBe("d");
  expect(press("b", "ArrowUp")).toBe("a");
  expect([press("b", "ArrowRight"), press("b", "ArrowLeft")]).toContain("c");
});

test("the end of the edges is the end of the way", () => {
  const { press } = walker(diamond);
  expect(press("d", "ArrowRight")).toBe("d");
  expect(press("a", "ArrowLeft")).toBe("a");
});

test("a loop can be walked on from", () => {
  const { press } = walker(loop, "down");
  expect(press("draft", "ArrowDown", "ArrowDown", "ArrowDown")).toBe("done");
});

test("Home and End, and any arrow from nowhere, find the first and the last", () => {
  const { press } = walker(diamond);
  expect([press(null, "Home"), press("a", "End"), press(null, "ArrowRight")]).toEqual(["a", "d", "a"]);
  expect(walker(graphOf([], [])).press(null, "Home")).toBeNull();
});

test("other keys lead nowhere", () => {
  const { topology, layout } = walker(diamond);
  expect(nodeAfter("x", "a", topology, layout)).toBeNull();
});

test("an open node is entered with the arrow on, and left at its end and its beginning", () => {
  const { press } = walker(nested, "right", ["outer"]);
  expect(press("outer", "ArrowRight")).toBe("outer/one");
  expect(press("outer/one", "ArrowRight")).toBe("outer/two");
  expect(press("outer/two", "ArrowRight")).toBe("last");
  expect(press("outer/one", "ArrowLeft")).toBe("outer");
});

test("every node can be reached with arrows alone", () => {
  const { press, layout } = walker(layered(6, 5));
  const reached = new Set<string>(["n0"]);
  for (const id of reached) for (const key of ["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"]) reached.add(press(id, key)!);
  expect(reached.size).toBe(layout.boxes.length);
});

test("the order of reading goes step by step, an inside after its node", () => {
  const { topology, layout } = walker(nested, "right", ["outer"]);
  expect(inOrder(topology, layout).map((box) => box.id)).toEqual(["first", "outer", "outer/one", "outer/two", "last"]);
});

test("a point in a box hits it, inner ones first, and a point beside all hits nothing", () => {
  const { layout } = walker(nested, "right", ["outer"]);
  const hits = hitsOf(layout.boxes);
  for (const box of layout.boxes) {
    const [x, y] = box.open ? [box.x + 2, box.y + 2] : [box.x + box.width / 2, box.y + box.height / 2];
    expect(boxAt(hits, x, y)?.id).toBe(box.id);
  }
  expect(boxAt(hits, -5, -5)).toBeNull();
  expect(boxAt(hits, layout.width + 400, 0)).toBeNull();
});
