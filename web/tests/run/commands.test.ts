import { expect, test } from "vitest";
import { ApiError } from "../../src/api/client";
import type { RunStatus } from "../../src/api/types";
import { allowed } from "../../src/views/run/header/allowed";
import { withClock } from "../../src/views/run/header/WhyLine";
import { checkpointsAround } from "../../src/views/run/inspector/steps";
import { isClosed, placed } from "../../src/views/run/questions/refusals";
import { shownTab } from "../../src/views/run/tabs";
import { showing } from "../../src/ui/json/size";

const commands = (status: RunStatus, pausing = false) => [...allowed(status, pausing)].sort().join(" ");

test("a run offers what its status takes", () => {
  expect(commands("PENDING")).toBe("cancel execute");
  expect(commands("QUEUED")).toBe("cancel pause");
  expect(commands("RUNNING")).toBe("cancel fork pause");
  expect(commands("PAUSED")).toBe("cancel fork resume");
  expect(commands("FAILED")).toBe("fork rerun retry");
  expect(commands("COMPLETED")).toBe("fork rerun");
});

test("a pause that has not taken hold can be taken back", () => {
  expect(commands("RUNNING", true)).toBe("cancel fork pause resume");
  expect(commands("PAUSED", true)).toBe("cancel fork resume");
});

test("times in a sentence are the reader's", () => {
  const time = "2026-03-04T09:30:00.120Z";
  const said = withClock(`It waits until ${time}.`, Date.parse(time));
  expect(said).toMatch(/^It waits until \d?\d.30.00.*\.$/);
  expect(said).not.toContain("2026");
});

const refusal = (status: number, code: string, errors: { path: string; code: string; message: string }[] = []) =>
  new ApiError({ type: "", title: "", status, detail: "no", code, errors });

test("what the server finds wrong with an answer stands at its field", () => {
  const error = refusal(422, "invalid_answer", [{ path: "answer.note", code: "invalid_answer", message: "too long" }, { path: "answer", code: "invalid_answer", message: "no" }]);
  expect(placed(error)).toEqual([{ path: "note", message: "too long" }, { path: "", message: "no" }]);
  expect(placed(refusal(409, "already_answered"))).toEqual([]);
});

test("an answer that came second is no mistake in the form", () => {
  expect(isClosed(refusal(409, "already_answered"))).toBe(true);
  expect(isClosed(refusal(409, "question_expired"))).toBe(true);
  expect(isClosed(refusal(422, "invalid_answer"))).toBe(false);
});

const event = (seq: number, type: string, nodeId: string | null, data: Record<string, string | string[]>) =>
  ({ seq, run_id: "r", ts: "2026-03-04T09:30:00Z", type, node_id: nodeId, run_attempt: 1, data });

test("a node's change lies between the checkpoint that it started from and the one after it", () => {
  const events = [
    event(1, "checkpoint.saved", null, { checkpoint_id: "c0", next: ["a"] }),
    event(2, "node.started", "a", { node_execution_id: "1" }),
    event(3, "checkpoint.saved", null, { checkpoint_id: "c1", next: ["a"] }),
    event(4, "node.completed", "a", { node_execution_id: "1" }),
    event(5, "checkpoint.saved", null, { checkpoint_id: "c2", next: [] }),
  ];
  expect(checkpointsAround(events, "a", "1")).toEqual({ from: "c1", to: "c2" });
  expect(checkpointsAround(events.slice(0, 4), "a", "1")).toBeNull();
  expect(checkpointsAround(events, "a", "2")).toBeNull();
});

test("small values are trees, large ones text, huge ones files", () => {
  expect([10, 100_001, 2_000_001].map(showing)).toEqual(["tree", "text", "file"]);
});

test("the log is a tab in narrow windows only, and what is not there falls back", () => {
  expect(shownTab("log", true)).toBe("log");
  expect(shownTab("log", false)).toBe("graph");
  expect(shownTab(undefined, true)).toBe("list");
});
