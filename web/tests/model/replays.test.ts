/** Replays runs that a server has recorded (`MILEPOST_REPLAYS`, a file): states made from events must be what the server said then. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { RunEvent, Status } from "../../src/api/types";
import { applyAll, reconciled } from "../../src/model/apply";
import { blankNode, doubted, emptyView, type RunState } from "../../src/model/state";

interface Replay {
  name: string;
  events: RunEvent[];
  statuses: Status[];
}

const file = process.env["MILEPOST_REPLAYS"];
const replays = file === undefined ? [] : (JSON.parse(readFileSync(file, "utf8")) as Replay[]);
const UNREACHED = { COMPLETED: "SKIPPED", FAILED: "SKIPPED", CANCELLED: "CANCELLED" } as Record<string, string>;
const ms = (at: string | null): number | null => (at === null ? null : Date.parse(at));

/** What the server says, and what the page shows. */
function both(status: Status, state: RunState): [Record<string, unknown>, Record<string, unknown>] {
  const theirs: Record<string, unknown> = {
    status: status.status, progress: status.progress, pausing: status.pausing, currentNode: status.current_node,
    startedAt: ms(status.started_at), finishedAt: ms(status.finished_at), waitsFor: status.waiting_for?.["for"] ?? null,
    error: status.error?.message ?? null, interrupts: status.interrupts.map((each) => each.interrupt_id).sort(),
  };
  const mine: Record<string, unknown> = {
    status: state.status, progress: state.progress, pausing: state.pausing, currentNode: state.currentNode,
    startedAt: state.startedAt, finishedAt: state.finishedAt, waitsFor: state.waitsFor,
    error: state.error?.message ?? null, interrupts: state.interrupts.map((each) => each.interrupt_id).sort(),
  };
  for (const node of status.node_states) {
    theirs[node.node_id] = [
      node.status, node.attempt, node.iterations, node.progress, ms(node.started_at), ms(node.completed_at),
    ];
    const known = state.nodes.get(node.node_id) ?? { ...blankNode(node.node_id), status: UNREACHED[status.status] ?? "PENDING" };
    mine[node.node_id] = [known.status, known.attempt, known.iterations, known.progress, known.startedAt, known.completedAt];
  }
  return [theirs, mine];
}

/** Where the two differ, in words. */
function differences(name: string, status: Status, state: RunState): string[] {
  const [theirs, mine] = both(status, state);
  return Object.keys(theirs)
    .filter((key) => JSON.stringify(theirs[key]) !== JSON.stringify(mine[key]))
    .map((key) => `${name}: ${key} is ${JSON.stringify(theirs[key])}, not ${JSON.stringify(mine[key])}`);
}

const between = (events: RunEvent[], after: number, to: number): RunEvent[] => events.slice(after, to);

describe.skipIf(replays.length === 0)("recorded runs", () => {
  it("have the server's states wherever events can tell, from the first event on", () => {
    const found: string[] = [];
    for (const { name, events, statuses } of replays) {
      let state = emptyView("run");
      for (const status of statuses) {
        state = applyAll(state, between(events, state.traceSeq, status.last_seq)).state;
        if (doubted(state)) state = reconciled(state, status, []).state;
        found.push(...differences(`${name} after ${status.last_seq}`, status, state));
      }
    }
    expect(found).toEqual([]);
  });

  it("have them from any status on, before its events have come and after", () => {
    const found: string[] = [];
    for (const { name, events, statuses } of replays) {
      for (const [index, first] of statuses.entries()) {
        let state = reconciled(emptyView("run"), first, []).state;
        found.push(...differences(`${name} as of ${first.last_seq}`, first, state));
        for (const status of statuses.slice(index)) {
          state = applyAll(state, between(events, state.traceSeq, status.last_seq)).state;
          if (doubted(state)) break;
          found.push(...differences(`${name} as of ${first.last_seq}, after ${status.last_seq}`, status, state));
        }
      }
    }
    expect(found).toEqual([]);
  });

  it("keep what has come since a status that arrives late", () => {
    const found: string[] = [];
    for (const { name, events, statuses } of replays) {
      for (const [index, late] of statuses.entries()) {
        const status = statuses[index + 1];
        if (status === undefined) continue;
        const ahead = applyAll(emptyView("run"), between(events, 0, status.last_seq)).state;
        const state = reconciled(ahead, late, between(events, late.last_seq, status.last_seq)).state;
        if (!doubted(state)) found.push(...differences(`${name} as of ${late.last_seq} at ${status.last_seq}`, status, state));
      }
    }
    expect(found).toEqual([]);
  });
});
