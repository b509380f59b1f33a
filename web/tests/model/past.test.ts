import { describe, expect, it } from "vitest";
import { Past } from "../../src/model/past";
import type { NodeView } from "../../src/model/run";
import { blankNode } from "../../src/model/state";
import { BEGIN, Log, RUN } from "./events";

const looped = (turns: number): Log => {
  const log = new Log().begin();
  for (let turn = 0; turn < turns; turn += 1) {
    log.started("a", `a${turn}`);
    log.completed("a", `a${turn}`);
    log.saved(`c${turn}`, turn);
  }
  return log;
};

describe("a run's past", () => {
  it("is the run as of a checkpoint's event", () => {
    const log = looped(3);
    const past = new Past(RUN, log.events);
    expect(past.at("c1")?.nodes.get("a")?.iterations).toBe(2);
    expect(past.at("c1")?.lastSeq).toBe(9);
    expect(past.at("c1")).toBe(past.at("c1"));
  });

  it("is not known before its event has come", () => {
    const log = looped(1);
    const past = new Past(RUN, log.events);
    expect(past.at("c1")).toBeNull();
    log.started("b");
    log.saved("c1", 1);
    expect(past.at("c1")?.nodes.get("b")?.status).toBe("RUNNING");
  });

  it("has nothing begun of what comes next", () => {
    const log = new Log().begin();
    log.started("a");
    log.add("checkpoint.saved", null, { checkpoint_id: "first", step: -1, next: ["a"] });
    const node = new Past(RUN, log.events).at("first")?.nodes.get("a");
    expect([node?.status, node?.iterations, node?.startedAt]).toEqual(["PENDING", 0, null]);
  });

  it("is the same however far into a long log one looks first", () => {
    const log = looped(3_000);
    const forwards = new Past(RUN, log.events);
    const backwards = new Past(RUN, log.events);
    const ids = ["c10", "c700", "c1400", "c2999"];
    const found = ids.map((id) => forwards.at(id));
    expect([...ids].reverse().map((id) => backwards.at(id))).toEqual([...found].reverse());
    expect(found.at(-1)?.nodes.get("a")?.iterations).toBe(3_000);
  });

  it("of a run that went back has the nodes as they were there", () => {
    const log = looped(1);
    log.started("b");
    log.completed("b");
    log.saved("c1", 1);
    log.add("run.paused", null, { checkpoint_id: "c1" });
    log.add("run.resumed", null, { checkpoint_id: "c0" });
    log.add("run.started");
    log.saved("c2", 1);
    const state = new Past(RUN, log.events).at("c2");
    expect([state?.nodes.get("a")?.status, state?.nodes.get("b")]).toEqual(["COMPLETED", undefined]);
  });

  it("has every node, and for a fork what it was given", () => {
    const log = new Log();
    log.add("run.created");
    log.add("run.forked_from", null, { parent_run_id: "p", checkpoint_id: "c0" });
    log.add("run.started");
    log.started("b");
    log.completed("b");
    log.saved("c1");
    const past = new Past(RUN, log.events);
    const node = (id: string, more: Partial<NodeView>): [string, NodeView] => [id, { ...blankNode(id), ...more }];
    const nodes = new Map([
      node("a", { status: "COMPLETED", completedAt: BEGIN - 500 }), node("b", { status: "COMPLETED", completedAt: BEGIN + 50 }), node("c", { status: "SKIPPED" }),
    ]);
    const state = past.at("c1", nodes);
    expect([...(state?.nodes.values() ?? [])].map((each) => [each.id, each.status])).toEqual([["a", "COMPLETED"], ["b", "COMPLETED"], ["c", "PENDING"]]);
    expect(past.at("c1", new Map(nodes))).toBe(state);
  });
});
