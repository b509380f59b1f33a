import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import type { RunSummary, StatsPoint } from "../../../src/api/types";
import { definitionIn } from "../../../src/views/workflow/definition/draft";
import { fileName } from "../../../src/views/workflow/definition/fileName";
import { placeName } from "../../../src/views/workflow/definition/placeName";
import { nodeOf } from "../../../src/views/workflow/nodeOf";
import { sinceOf } from "../../../src/views/workflow/period";
import { durationOf, originOf, shortId } from "../../../src/views/workflow/runs/words";
import { replaced } from "../../../src/views/workflow/runs/useLiveRuns";
import { curlOf, quoted } from "../../../src/views/workflow/start/curl";
import { countLines, rowsOf, stacked } from "../../../src/views/workflow/stats/series";

const run = (id: string, more: object = {}): RunSummary =>
  ({ run_id: id, status: "RUNNING", forked_from: null, parent_run_id: null, test_mode: false, run_attempt: 1, ...more }) as RunSummary;

test("a text is one word of a shell, whatever is in it", () => {
  const text = `it's $HOME "and" \`ls\`\n\\ end`;
  expect(execFileSync("sh", ["-c", `printf %s ${quoted(text)}`], { encoding: "utf8" })).toBe(text);
});

test("a command for the terminal reads the key there and never has it", () => {
  const command = curlOf("http://h/api/runs", { input_data: { name: "O'Hara" } });
  expect(command).toContain('-H "X-API-Key: $MILEPOST_KEY"');
  const shown = execFileSync("sh", ["-c", `curl() { printf '%s\\n' "$@"; }; MILEPOST_KEY=k; ${command}`], { encoding: "utf8" });
  expect(shown.split("\n")).toContain('{"input_data":{"name":"O\'Hara"}}');
  expect(shown).toContain("X-API-Key: k");
});

test("a period is counted back from now, a time is taken as it is, and anything else is none", () => {
  const now = Date.parse("2026-03-04T12:00:00Z");
  expect(sinceOf("24h", now)).toBe("2026-03-03T12:00:00.000Z");
  expect(sinceOf("2026-03-01T00:00:00Z", now)).toBe("2026-03-01T00:00:00.000Z");
  expect([sinceOf("soon", now), sinceOf(undefined, now)]).toEqual([undefined, undefined]);
});

test("a run that changed takes its own place in the list, and one that is not there leaves it alone", () => {
  const pages = { pages: [{ items: [run("a"), run("b")], next_cursor: "x" }, { items: [run("c")], next_cursor: null }], pageParams: [null, "x"] };
  const next = replaced(pages, run("c", { status: "FAILED" }));
  expect(next?.pages.map((page) => page.items.map(({ run_id, status }) => `${run_id} ${status}`))).toEqual([["a RUNNING", "b RUNNING"], ["c FAILED"]]);
  expect(replaced(pages, run("d"))).toBeNull();
});

test("durations go on while a run does, and say nothing before it starts", () => {
  const started = "2026-03-04T12:00:00.000Z";
  expect(durationOf({ started_at: started, finished_at: null }, Date.parse(started) + 12_000)).toBe("12 s");
  expect(durationOf({ started_at: started, finished_at: "2026-03-04T12:00:00.250Z" }, 0)).toBe("250 ms");
  expect(durationOf({ started_at: null, finished_at: null }, 0)).toBe("–");
});

test("a run says what made it", () => {
  expect(originOf(run("x", { forked_from: "0123456789abcdef", parent_run_id: "fedcba9876543210" }))).toBe("Fork of 76543210");
  expect(originOf(run("x", { parent_run_id: "fedcba9876543210" }))).toBe("Rerun of 76543210");
  expect([originOf(run("x")), originOf(run("x", { test_mode: true })), originOf(run("x", { run_attempt: 3 }))]).toEqual(["Started", "Dry run", "Attempt 3"]);
  expect(shortId("01987a3e-5b1c-7000-8000-000000000003")).toBe("00000003");
});

test("problems are called by their node's id", () => {
  const definition = { nodes: [{ id: "fetch" }, {}] };
  expect(placeName("nodes[0].config.url", definition)).toBe("fetch · config.url");
  expect(placeName("nodes[0]", definition)).toBe("fetch");
  expect([placeName("nodes[1].type", definition), placeName("edges[0]", definition), placeName("", definition)]).toEqual(["nodes[1].type", "edges[0]", "Definition"]);
});

test("a text is a definition if it is a JSON object", () => {
  expect(definitionIn('{"nodes": []}')).toEqual({ definition: { nodes: [] } });
  expect(definitionIn("[]")).toEqual({ problem: "A definition is a JSON object." });
  expect(definitionIn("{")).toHaveProperty("problem");
  expect(nodeOf({ steps: [{ id: "a", type: "wait" }] }, "a")).toEqual({ id: "a", type: "wait" });
  expect(nodeOf({ nodes: 3 }, "a")).toBeNull();
  expect([fileName("Größe & Höhe!"), fileName("…")]).toEqual(["größe-höhe", "workflow"]);
});

test("bars stand on one another, and tables leave out times in which nothing happened", () => {
  const point = (start: string, COMPLETED: number, FAILED: number): StatsPoint => ({ start, counts: { COMPLETED, FAILED, CANCELLED: 0 }, p50_ms: null, p95_ms: null });
  const points = [point("a", 2, 1), point("b", 0, 0), point("c", 0, 3)];
  expect(stacked(countLines(points))).toEqual([[2, 0, 0], [3, 0, 3], [3, 0, 3]]);
  expect(rowsOf(points).map(({ start }) => start)).toEqual(["c", "a"]);
});
