import { expect, test } from "vitest";
import { layoutKey, hash, Layouts } from "../../src/graph/layouts";
import { layoutOf } from "../../src/graph/layout";
import { descendants, extentOf, shownNodes, topologyOf, whenText } from "../../src/graph/topology";
import { diamond, graphOf, loop, nested } from "./graphs";

test("a node whose id begins with another one's is inside of it", () => {
  const topology = topologyOf(nested);
  expect(topology.parent.get("outer/one")).toBe("outer");
  expect(shownNodes(topology, new Set())).toEqual(["first", "outer", "last"]);
  expect(shownNodes(topology, new Set(["outer"]))).toEqual(["first", "outer", "outer/one", "outer/two", "last"]);
  expect(descendants(topology, "outer")).toEqual(["outer/one", "outer/two"]);
});

test("a slash alone makes no inside", () => {
  expect(topologyOf(graphOf(["a/b", "c"], [])).parent.size).toBe(0);
});

test("an edge into an inside is drawn to the node around it", () => {
  const topology = topologyOf(graphOf(["a", "b", "b/c"], [["a", "b/c"], ["b", "b/c"]]));
  expect(topology.edges.map(({ source, target }) => [source, target])).toEqual([["a", "b"]]);
});

test("an edge that names a node that is not there is left out", () => {
  expect(topologyOf(graphOf(["a"], [["a", "gone"]])).edges).toEqual([]);
});

test("what closes a cycle leads back, also where nobody marked it", () => {
  const marked = topologyOf(graphOf(["a", "b", "c"], [["a", "b"], ["b", "c"], ["c", "a"]])).edges.filter((edge) => edge.back);
  expect(marked.map(({ source, target }) => [source, target])).toEqual([["c", "a"]]);
});

test("the extent counts steps and the widest of them", () => {
  expect(extentOf(topologyOf(diamond).levels.get("")!)).toEqual({ steps: 3, widest: 2 });
  expect(extentOf(topologyOf(loop).levels.get("")!)).toEqual({ steps: 4, widest: 1 });
});

test("a condition's value reads as it is written", () => {
  expect([whenText(true), whenText("billing"), whenText(3), whenText(null), whenText(undefined)]).toEqual(["true", "billing", "3", "", ""]);
});

test("a layout's key changes with edges, direction and what is open, and not with names", () => {
  const key = (graph = nested, open: string[] = [], direction: "right" | "down" = "right") => layoutKey(topologyOf(graph), new Set(open), direction);
  const renamed = { ...nested, nodes: nested.nodes.map((node) => ({ ...node, name: "other" })) };
  const fewer = { ...nested, edges: nested.edges.slice(1) };
  expect(key(renamed)).toBe(key());
  expect(new Set([key(), key(fewer), key(nested, ["outer"]), key(nested, [], "down")]).size).toBe(4);
});

test("hashes of texts that differ in one letter differ", () => {
  const hashes = Array.from({ length: 5_000 }, (_, at) => hash(`text ${at}`));
  expect(new Set(hashes).size).toBe(5_000);
});

test("a layout that the browser has stored is known at once; one that cannot be read is not", () => {
  localStorage.clear();
  const layout = layoutOf({ direction: "right", levels: topologyOf(diamond).levels, open: new Set() });
  localStorage.setItem("milepost.layout.good", JSON.stringify(layout));
  localStorage.setItem("milepost.layout.bad", "{");
  const layouts = new Layouts(localStorage);
  expect(layouts.known("good")).toEqual(layout);
  expect(layouts.known("good")).toBe(layouts.known("good"));
  expect(layouts.known("bad")).toBeNull();
  expect(new Layouts(null).known("good")).toBeNull();
});
