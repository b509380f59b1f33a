import { expect, test } from "vitest";
import type { NodeStatus } from "../../src/api/types";
import { edgeState } from "../../src/graph/edges";
import { topologyOf } from "../../src/graph/topology";
import { spoken, typeWord } from "../../src/graph/words";
import type { NodeView } from "../../src/model/run";
import { graphOf, loop } from "./graphs";

function view(id: string, status: NodeStatus, more: Partial<NodeView> = {}): NodeView {
  return {
    id, status, attempt: 1, iterations: 1, progress: 0, startedAt: null, completedAt: null, message: null, error: null, items: null, waitsFor: null,
    until: null, executionId: null, ...more,
  };
}

const choice = graphOf(["ask", "yes", "no", "end"], [["ask", "yes", { when: true }], ["ask", "no", { when: false }], ["yes", "end"], ["no", "end"], ["ask", "end", { when: "else" }]]);

function states(graph: typeof choice, statuses: Record<string, NodeStatus | NodeView>) {
  const topology = topologyOf(graph);
  const node = (id: string) => {
    const found = statuses[id];
    return typeof found === "string" ? view(id, found) : found;
  };
  return topology.edges.map((edge) => edgeState(edge, node, topology));
}

test("an edge is idle until its source is over, live while its target is at work, taken after that", () => {
  const chain = graphOf(["a", "b"], [["a", "b"]]);
  expect(states(chain, { a: "RUNNING", b: "PENDING" })).toEqual(["idle"]);
  expect(states(chain, { a: "COMPLETED", b: "RUNNING" })).toEqual(["live"]);
  expect(states(chain, { a: "COMPLETED", b: "FAILED" })).toEqual(["taken"]);
  expect(states(chain, { a: "COMPLETED", b: "SKIPPED" })).toEqual(["skipped"]);
  expect(states(chain, {})).toEqual(["idle"]);
});

test("of a condition's ways only the one that was taken is, also to a node that all of them reach", () => {
  expect(states(choice, { ask: "COMPLETED", yes: "COMPLETED", no: "SKIPPED", end: "COMPLETED" })).toEqual(["taken", "skipped", "taken", "skipped", "skipped"]);
  expect(states(choice, { ask: "COMPLETED", yes: "SKIPPED", no: "SKIPPED", end: "RUNNING" })).toEqual(["skipped", "skipped", "skipped", "skipped", "live"]);
});

test("the way of an error is taken from a node that failed", () => {
  const graph = graphOf(["call", "cope", "end"], [["call", "end"], ["call", "cope", { when: "error" }], ["cope", "end"]]);
  expect(states(graph, { call: "FAILED", cope: "COMPLETED", end: "COMPLETED" })).toEqual(["skipped", "taken", "taken"]);
  expect(states(graph, { call: "COMPLETED", cope: "SKIPPED", end: "COMPLETED" })).toEqual(["taken", "skipped", "skipped"]);
});

test("an edge back was taken once its target ran again", () => {
  const once = states(loop, { draft: "COMPLETED", rewrite: "COMPLETED", short: "COMPLETED", done: "COMPLETED" });
  expect(once[2]).toBe("skipped");
  const again = states(loop, { draft: "COMPLETED", rewrite: view("rewrite", "RUNNING", { iterations: 2 }), short: "COMPLETED", done: "PENDING" });
  expect(again[2]).toBe("live");
});

test("a node is spoken with its type, status, time and attempt", () => {
  const node = { id: "fetch", type: "call_api", name: "fetch" };
  const done = view("fetch", "COMPLETED", { startedAt: 1_000, completedAt: 2_200 });
  expect(spoken(node, done, 9_000, null)).toBe("fetch, call_api, Completed, 1.2 s, attempt 1");
  expect(spoken(node, undefined, 0, { total: 4, over: 0 })).toBe("fetch, call_api, 4 steps inside");
  const many = view("fetch", "RUNNING", { items: { total: 40, completed: 10, failed: 2 }, iterations: 3 });
  expect(spoken(node, many, 0, null)).toBe("fetch, call_api, Running, 12/40, 2 failed, attempt 1, run 3 times");
});

test("types read as words", () => {
  expect([typeWord("call_api"), typeWord("ai"), typeWord("create_task")]).toEqual(["Call API", "AI", "Create task"]);
});
