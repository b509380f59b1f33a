import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/api/types";
import { apply, applyAll, reconciled } from "../../src/model/apply";
import { doubted, emptyView, type RunState } from "../../src/model/state";
import { BEGIN, Log, RUN, statusOf } from "./events";

const after = (log: Log): RunState => applyAll(emptyView(RUN), log.events).state;
const statuses = (state: RunState): Record<string, string> => Object.fromEntries([...state.nodes].map(([id, node]) => [id, node.status]));
const stretches = (state: RunState, nodeId: string | null): unknown[] =>
  state.segments.filter((each) => each.nodeId === nodeId).map(({ kind, start, end, status }) => [kind, start - BEGIN, end === null ? null : end - BEGIN, status]);

describe("the reducer", () => {
  it("gives the same for a batch as for its events one by one", () => {
    const log = new Log().begin();
    log.started("a");
    log.add("node.progress", "a", { progress: 0.4, run_progress: 0.2, message: "half way", items: { total: 9, completed: 3, failed: 1 } });
    log.completed("a");
    log.saved("c1");
    log.started("b");
    log.add("node.retrying", "b", { node_execution_id: "x-b", attempt: 1, next_attempt_at: new Date(BEGIN + 500).toISOString(), error: { message: "no" } });
    log.add("run.cancelled");
    expect(log.events.reduce(apply, emptyView(RUN))).toEqual(after(log));
  });

  it("shares what a batch does not change", () => {
    const log = new Log().begin();
    log.started("a");
    log.started("b");
    const before = after(log);
    const next = apply(before, log.completed("a"));
    expect(next.nodes.get("b")).toBe(before.nodes.get("b"));
    expect(next.checkpoints).toBe(before.checkpoints);
    expect(before.nodes.get("a")?.status).toBe("RUNNING");
  });

  it("names the nodes that changed", () => {
    const log = new Log().begin();
    const first = log.started("a");
    expect([...applyAll(emptyView(RUN), [...log.events.slice(0, 3), first]).touched]).toEqual(["a"]);
  });

  it("leaves out what it has seen", () => {
    const log = new Log().begin();
    log.started("a");
    const state = after(log);
    expect(applyAll(state, log.events).state).toEqual(state);
  });

  it("settles every node when the run ends", () => {
    const known = reconciled(emptyView(RUN), statusOf(0, { a: "PENDING", b: "PENDING", c: "PENDING" }), []).state;
    const log = new Log().begin();
    log.started("a");
    log.completed("a");
    log.started("b");
    const running = applyAll(known, log.events).state;
    expect(statuses(apply(running, log.add("run.cancelled")))).toEqual({ a: "COMPLETED", b: "CANCELLED", c: "CANCELLED" });
    log.events.pop();
    expect(statuses(apply(running, log.add("run.failed", null, { error: { message: "no" } })))).toEqual({ a: "COMPLETED", b: "CANCELLED", c: "SKIPPED" });
  });

  it("goes on from a failure where the retry does", () => {
    const known = reconciled(emptyView(RUN), statusOf(0, { a: "PENDING", b: "PENDING" }), []).state;
    const log = new Log().begin();
    log.started("a");
    log.add("node.failed", "a", { node_execution_id: "x-a", attempt: 1, error: { message: "no" } });
    log.add("run.failed", null, { error: { message: "no", node_id: "a", traceback: "line 1" } });
    const failed = applyAll(known, log.events).state;
    expect(failed.nodes.get("a")?.error?.traceback).toBe("line 1");
    const again = apply(failed, log.add("run.queued", null, { why: "retry" }));
    expect([again.status, again.error, again.finishedAt]).toEqual(["QUEUED", null, null]);
    expect(statuses(again)).toEqual({ a: "PENDING", b: "PENDING" });
    expect(doubted(again)).toBe(true);
  });

  it("counts an iteration of what an edge back starts over", () => {
    const log = new Log().begin();
    for (const id of ["draft", "good"]) {
      log.started(id);
      log.completed(id, `x-${id}`, id === "good" ? { restarted: ["draft", "good"] } : {});
    }
    const state = after(log);
    expect([...state.nodes.values()].map((node) => [node.id, node.status, node.iterations])).toEqual([["draft", "PENDING", 2], ["good", "PENDING", 2]]);
    expect(doubted(state)).toBe(false);
  });

  it("shows a question at once, and until it is answered", () => {
    const log = new Log().begin();
    log.started("ask");
    log.add("node.waiting", "ask", { node_execution_id: "x-ask", for: "answer", until: null });
    log.add("run.waiting", null, {
      for: "answer", until: null,
      interrupts: [{ interrupt_id: "q", node_id: "ask", item: null, path: "ask", value: { kind: "answer", question: "Send it?", schema: { type: "boolean" } } }],
    });
    const waits = after(log);
    expect([waits.status, waits.waitsFor, waits.interrupts[0]?.question]).toEqual(["WAITING", "answer", "Send it?"]);
    expect(apply(waits, log.add("run.resumed", null, { answered: ["q"], by: "ada" })).interrupts).toEqual([]);
  });

  it("draws what was queued, executed and waited for", () => {
    const log = new Log().begin();
    log.started("a");
    log.add("node.waiting", "a", { node_execution_id: "x-a", for: "time", until: null });
    log.add("run.waiting", null, { for: "time", interrupts: [] });
    log.add("run.queued", null, { why: "wake" });
    log.add("run.started");
    log.started("a");
    log.completed("a");
    log.add("run.completed");
    const state = after(log);
    expect(stretches(state, null)).toEqual([
      ["queued", 20, 30, null], ["running", 30, 60, null], ["waiting", 60, 70, null], ["queued", 70, 80, null], ["running", 80, 110, "COMPLETED"],
    ]);
    expect(stretches(state, "a")).toEqual([["running", 40, 50, null], ["waiting", 50, 90, null], ["running", 90, 100, "COMPLETED"]]);
  });

  it("draws the wait before the next attempt, and ends it where the run is ended first", () => {
    const log = new Log().begin();
    log.started("a");
    log.add("node.retrying", "a", { node_execution_id: "x-a", attempt: 1, next_attempt_at: new Date(BEGIN + 1050).toISOString() });
    expect(stretches(after(log), "a")).toEqual([["running", 40, 50, "FAILED"], ["retry", 50, 1050, null], ["running", 1050, null, null]]);
    log.add("run.cancelled");
    expect(stretches(after(log), "a")).toEqual([["running", 40, 50, "FAILED"], ["retry", 50, 60, null], ["running", 60, 60, "CANCELLED"]]);
  });
});

describe("a status", () => {
  const log = new Log().begin();
  log.started("a");
  log.completed("a");
  log.started("b");

  it("is shown before its events have come, and they take nothing back", () => {
    const first = statusOf(5, { a: "COMPLETED", b: "PENDING" }, { progress: 0.5 });
    let state = reconciled(emptyView(RUN), first, []).state;
    for (const event of log.events.slice(0, 5)) {
      state = apply(state, event);
      expect(statuses(state)).toEqual({ a: "COMPLETED", b: "PENDING" });
      expect(state.lastSeq).toBe(5);
    }
    expect(stretches(state, "a")).toEqual([["running", 40, 50, "COMPLETED"]]);
    expect(statuses(apply(state, log.events[5] ?? log.started("b")))).toEqual({ a: "COMPLETED", b: "RUNNING" });
  });

  it("that comes late does not take back what has happened since", () => {
    const late = statusOf(4, { a: "RUNNING", b: "PENDING" });
    const state = reconciled(after(log), late, log.events.slice(4)).state;
    expect(statuses(state)).toEqual({ a: "COMPLETED", b: "RUNNING" });
    expect(state.lastSeq).toBe(6);
  });

  it("settles what events cannot tell", () => {
    const state = apply(after(log), log.add("run.resumed", null, { checkpoint_id: "an earlier one" }));
    expect(doubted(state)).toBe(true);
    const told = reconciled(state, statusOf(7, { a: "PENDING", b: "PENDING" }), []).state;
    expect(doubted(told)).toBe(false);
    expect(statuses(told)).toEqual({ a: "PENDING", b: "PENDING" });
  });

  it("of before the doubt settles nothing", () => {
    const state = apply(after(log), log.add("state.edited", null, { checkpoint_id: "c" }));
    expect(doubted(reconciled(state, statusOf(2, {}), log.events.slice(2)).state)).toBe(true);
  });

  it("keeps the objects of nodes that it does not change", () => {
    const state = reconciled(emptyView(RUN), statusOf(1, { a: "RUNNING", b: "PENDING" }), []).state;
    const next = reconciled(state, statusOf(2, { a: "RUNNING", b: "RUNNING" }), []);
    expect(next.state.nodes.get("a")).toBe(state.nodes.get("a"));
    expect([...next.touched]).toEqual(["b"]);
  });
});

describe("many events", () => {
  it("take no longer to apply than a few times what it takes to parse them, 100,000 in frames as they come", () => {
    const log = new Log().begin();
    for (let turn = 0; log.events.length < 100_000; turn += 1) {
      const id = `n${turn % 1000}`;
      log.started(id, `x${turn}`);
      log.completed(id, `x${turn}`);
      log.saved(`c${turn}`, turn);
    }
    const frames: string[] = [];
    for (let from = 0; from < log.events.length; from += 2_000) frames.push(JSON.stringify(log.events.slice(from, from + 2_000)));
    const begin = performance.now();
    const batches = frames.map((frame) => JSON.parse(frame) as RunEvent[]);
    const parsed = performance.now();
    const state = batches.reduce((before, batch) => applyAll(before, batch).state, emptyView(RUN));
    const applied = performance.now();
    expect(state.checkpoints.length).toBeGreaterThan(30_000);
    // Half as long again as parsing. A map copied for each event would take minutes.
    expect((applied - parsed) / (parsed - begin)).toBeLessThan(8);
  }, 60_000);
});
