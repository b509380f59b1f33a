import { expect, test } from "vitest";
import type { JsonObject, RunEvent } from "../../src/api/types";
import { detailOf, GROUPS, groupOf, toneOf } from "../../src/views/run/log/lines";
import { joinedText, LogRows, type Filter } from "../../src/views/run/log/LogRows";

const ALL: Filter = { groups: new Set(GROUPS), node: null, text: "", errorsOnly: false };
let seq = 0;
function event(type: string, nodeId: string | null = null, data: JsonObject = {}): RunEvent {
  seq += 1;
  return { seq, run_id: "r", ts: "2026-03-04T09:30:00.120Z", type, node_id: nodeId, run_attempt: 1, data };
}
const delta = (node: string, text: string) => event("node.delta", node, { text });

test("text that two nodes stream at once is one row for each", () => {
  const events = [delta("a", "He"), delta("b", "Wor"), delta("a", "llo"), delta("b", "ld")];
  const rows = new LogRows(ALL).extend(events);
  expect(rows.first).toHaveLength(2);
  expect(rows.first.map((_, row) => joinedText(events, rows.places(row)))).toEqual(["Hello", "World"]);
});

test("what a node does between two texts ends the first", () => {
  const events = [delta("a", "one"), event("node.log", "a", { message: "calls a tool" }), delta("a", "two")];
  const rows = new LogRows(ALL).extend(events);
  expect(rows.first).toEqual([0, 1, 2]);
  expect(joinedText(events, rows.places(2))).toBe("two");
});

test("a text goes on in its row when more events come", () => {
  const events = [delta("a", "one")];
  const rows = new LogRows(ALL).extend(events);
  events.push(delta("a", " two"), event("run.completed"));
  rows.extend(events);
  expect(rows.first).toEqual([0, 2]);
  expect(joinedText(events, rows.places(0))).toBe("one two");
});

test("a node's filter keeps what happens inside it, not what begins alike", () => {
  const events = [event("node.started", "kid"), event("node.started", "kid/one"), event("node.started", "kid2"), event("run.started")];
  expect(new LogRows({ ...ALL, node: "kid" }).extend(events).first).toEqual([0, 1]);
});

test("errors only shows failures and what was logged as an error", () => {
  const events = [event("node.failed", "a"), event("node.log", "a", { level: "error" }), event("node.log", "a", { level: "info" }), event("node.retrying", "a")];
  expect(new LogRows({ ...ALL, groups: new Set(), errorsOnly: true }).extend(events).first).toEqual([0, 1]);
});

test("a text is looked for in type, node and what the line says", () => {
  const events = [event("node.log", "fetch", { message: "Got 12 rows" }), event("node.started", "rows"), event("run.started")];
  expect(new LogRows({ ...ALL, text: " ROWS " }).extend(events).first).toEqual([0, 1]);
  expect(new LogRows({ ...ALL, text: "run.st" }).extend(events).first).toEqual([2]);
});

test("every type belongs to a group, also one that the page does not know", () => {
  expect(["run.failed", "node.log", "node.delta", "node.progress", "checkpoint.saved", "node.new", "run.new"].map(groupOf))
    .toEqual(["run", "log", "text", "progress", "checkpoint", "node", "run"]);
});

test("lines say what matters of an event", () => {
  expect(detailOf(event("node.completed", "a", { duration_ms: 120, attempt: 2 }))).toBe("in 120 ms · attempt 2");
  expect(detailOf(event("node.failed", "a", { error: { code: "timeout", message: "too slow" } }))).toBe("timeout: too slow");
  expect(detailOf(event("node.progress", "a", { progress: 0.5, items: { total: 4, completed: 1, failed: 1 } }))).toBe("50 % · 1 of 4 items · 1 failed");
  expect(detailOf(event("checkpoint.saved", null, { step: 3, next: [] }))).toBe("step 3, next: the end");
  expect(detailOf(event("node.unheard", "a", { x: 1 }))).toBe("");
});

test("a failure is loud, a checkpoint is quiet", () => {
  expect(toneOf(event("run.failed"))).toBe("error");
  expect(toneOf(event("node.log", "a", { level: "WARNING" }))).toBe("warning");
  expect(toneOf(event("checkpoint.saved"))).toBe("quiet");
  expect(toneOf(event("run.completed"))).toBe("good");
});
