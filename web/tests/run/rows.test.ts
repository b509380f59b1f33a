import { expect, test } from "vitest";
import type { GraphNode, NodeStatus } from "../../src/api/types";
import type { NodeView } from "../../src/model/run";
import { entriesOf } from "../../src/views/run/list/entries";
import { countsOf, durationOf, failuresOf, rowsOf, type Choice } from "../../src/views/run/list/rows";
import { around } from "../../src/views/run/useRunKeys";

const node = (id: string, type = "process"): GraphNode => ({ id, type, name: id.split("/").at(-1) ?? id });
const view = (id: string, status: NodeStatus, more: Partial<NodeView> = {}): NodeView => ({
  id, status, attempt: 1, iterations: 1, progress: 0, startedAt: null, completedAt: null, message: null, error: null, items: null, waitsFor: null, until: null,
  executionId: null, ...more,
});
const GRAPH = [node("a"), node("kid", "subworkflow"), node("kid/one"), node("kid/two"), node("z")];
const views = (...list: NodeView[]) => new Map(list.map((each) => [each.id, each]));
const ALL: Choice = { status: "ALL", sort: "order", open: new Set() };
const ids = (choice: Choice, nodes = views()) => rowsOf(GRAPH, nodes, choice, 1_000).map((row) => row.id);

test("nodes inside another are shown once it is open", () => {
  expect(ids(ALL)).toEqual(["a", "kid", "z"]);
  expect(ids({ ...ALL, open: new Set(["kid"]) })).toEqual(["a", "kid", "kid/one", "kid/two", "z"]);
});

test("a filter finds nodes wherever they are", () => {
  const nodes = views(view("kid/two", "FAILED"), view("a", "COMPLETED"));
  expect(ids({ ...ALL, status: "FAILED" }, nodes)).toEqual(["kid/two"]);
});

test("a node of which nothing was told is pending", () => {
  expect(ids({ ...ALL, status: "PENDING" }, views(view("a", "COMPLETED")))).toEqual(["kid", "kid/one", "kid/two", "z"]);
});

test("the most urgent come first, and ties stay in the graph's order", () => {
  const nodes = views(view("a", "COMPLETED"), view("z", "FAILED"), view("kid/two", "RUNNING"));
  expect(ids({ ...ALL, sort: "status" }, nodes)).toEqual(["z", "kid/two", "kid", "kid/one", "a"]);
});

test("nodes that only the run knows come last", () => {
  expect(ids(ALL, views(view("late", "RUNNING")))).toEqual(["a", "kid", "z", "late"]);
});

test("a running node has taken until now, an ended one until its end", () => {
  expect(durationOf(view("a", "RUNNING", { startedAt: 400 }), 1_000)).toBe(600);
  expect(durationOf(view("a", "COMPLETED", { startedAt: 400, completedAt: 450 }), 1_000)).toBe(50);
  expect(durationOf(view("a", "PENDING"), 1_000)).toBeNull();
});

test("of a failed node and what failed inside it the innermost is the failure", () => {
  const nodes = views(view("kid", "FAILED"), view("kid/two", "FAILED"), view("a", "FAILED"));
  expect(failuresOf(GRAPH, nodes)).toEqual(["a", "kid/two"]);
});

test("every node is counted once", () => {
  expect([...countsOf(GRAPH, views(view("a", "FAILED")))]).toEqual([["FAILED", 1], ["PENDING", 4]]);
});

test("an open fan-out shows the items that were read, and that there are more", () => {
  const graph = [node("each", "map"), node("end")];
  const rows = rowsOf(graph, views(), { ...ALL, open: new Set(["each"]) }, 0);
  const item = { node_id: "each", item: 0, status: "COMPLETED" as const, attempt: 1, output: null, error: null, started_at: "", completed_at: null, duration_ms: 1 };
  expect(entriesOf(rows, new Map([["each", { items: [item], more: true }]])).map((entry) => entry.kind)).toEqual(["node", "item", "more", "node"]);
  expect(entriesOf(rows, new Map()).map((entry) => entry.kind)).toEqual(["node", "more", "node"]);
});

test("going around a ring begins at the near end and never leaves it", () => {
  expect(around(["a", "b"], null, 1)).toBe("a");
  expect(around(["a", "b"], null, -1)).toBe("b");
  expect(around(["a", "b"], "b", 1)).toBe("a");
  expect(around([], "b", 1)).toBeNull();
});
