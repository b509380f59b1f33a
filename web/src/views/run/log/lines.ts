/** What the log says of an event, in one line of plain words, and which group it belongs to. */
import type { Json, RunEvent } from "../../../api/types";
import { clock, duration, percent } from "../../../ui/format";

export const GROUPS = ["run", "node", "log", "text", "progress", "checkpoint"] as const;
export type Group = (typeof GROUPS)[number];
export const GROUP_NAMES: Readonly<Record<Group, string>> = {
  run: "Run", node: "Nodes", log: "Logs", text: "Text", progress: "Progress", checkpoint: "Checkpoints",
};
export type Tone = "error" | "warning" | "good" | "quiet" | "plain";

const OF_TYPE: Readonly<Record<string, Group>> = {
  "node.log": "log", "run.custom": "log", "node.delta": "text", "node.progress": "progress", "run.progress": "progress", "checkpoint.saved": "checkpoint",
  "state.edited": "checkpoint",
};

/** The group of an event's type. */
export function groupOf(type: string): Group {
  return OF_TYPE[type] ?? (type.startsWith("run.") ? "run" : "node");
}

const text = (value: Json | undefined): string => (typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value));
const when = (value: Json | undefined): string => (typeof value === "string" && !Number.isNaN(Date.parse(value)) ? clock(Date.parse(value)) : text(value));
const field = (value: Json | undefined, name: string): Json | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value[name] : undefined;

function failure(event: RunEvent): string {
  const error = event.data["error"];
  return [text(field(error, "code")), text(field(error, "message"))].filter((part) => part !== "").join(": ");
}

function progress(event: RunEvent): string {
  const { items, message, progress: share } = event.data;
  const counts = items === undefined || items === null ? "" : `${text(field(items, "completed"))} of ${text(field(items, "total"))} items`;
  const failed = field(items, "failed");
  const bad = typeof failed === "number" && failed > 0 ? `${failed} failed` : "";
  return [typeof share === "number" ? percent(share) : "", counts, bad, text(message)].filter((part) => part !== "").join(" · ");
}

function waiting(event: RunEvent): string {
  const { for: reason, until } = event.data;
  const what = { answer: "a person's answer", time: "a time", event: "an event" }[text(reason)] ?? text(reason);
  return `for ${what}${typeof until === "string" ? ` until ${when(until)}` : ""}`;
}

const took = (event: RunEvent): string => {
  const { duration_ms: ms, attempt, simulated, answered, replayed } = event.data;
  const standIn = simulated === true ? "simulated" : answered === true ? "answered" : replayed === true ? "replayed" : "";
  const parts = [typeof ms === "number" ? `in ${duration(ms)}` : "", typeof attempt === "number" && attempt > 1 ? `attempt ${attempt}` : "", standIn];
  return parts.filter((part) => part !== "").join(" · ");
};
const by = (event: RunEvent): string => (typeof event.data["by"] === "string" ? `by ${event.data["by"]}` : "");

const DETAIL: Readonly<Record<string, (event: RunEvent) => string>> = {
  "node.log": (event) => text(event.data["message"]),
  "node.delta": (event) => text(event.data["text"]),
  "node.progress": progress,
  "run.progress": progress,
  "node.waiting": waiting,
  "run.waiting": waiting,
  "node.completed": took,
  "node.failed": failure,
  "run.failed": failure,
  "node.retrying": (event) => `attempt ${text(event.data["attempt"])} failed, the next at ${when(event.data["next_attempt_at"])} · ${failure(event)}`,
  "node.started": (event) => (Number(event.data["attempt"]) > 1 ? `attempt ${text(event.data["attempt"])}` : ""),
  "checkpoint.saved": (event) => `step ${text(event.data["step"])}, next: ${Array.isArray(event.data["next"]) ? event.data["next"].join(", ") || "the end" : "–"}`,
  "run.custom": (event) => text(event.data["data"]),
  "run.stopped": (event) => (Array.isArray(event.data["nodes"]) ? event.data["nodes"].join(", ") : ""),
  "run.pausing": (event) => `${text(event.data["mode"])} ${by(event)}`.trim(),
  "run.paused": by,
  "run.resumed": (event) => [Array.isArray(event.data["answered"]) ? "answered" : "", by(event)].join(" ").trim(),
  "run.cancelled": by,
  "state.edited": by,
  "run.forked_from": by,
  "run.queued": (event) => text(event.data["why"]),
  "run.code_changed": (event) => `from ${text(event.data["from"])} to ${text(event.data["to"])}`,
};

/** What the event says beside its type and its node. */
export function detailOf(event: RunEvent): string {
  return DETAIL[event.type]?.(event) ?? "";
}

/** A log line's level: `debug`, `info`, `warning`, `error`; null of other events. */
export function levelOf(event: RunEvent): string | null {
  return event.type === "node.log" ? text(event.data["level"]).toLowerCase() || "info" : null;
}

/** How loud a line is. */
export function toneOf(event: RunEvent): Tone {
  const level = levelOf(event);
  if (event.type.endsWith(".failed") || level === "error" || level === "critical") return "error";
  if (event.type === "node.retrying" || event.type.endsWith(".waiting") || event.type === "run.recovered" || level === "warning") return "warning";
  if (event.type === "run.completed") return "good";
  const group = groupOf(event.type);
  return group === "progress" || group === "checkpoint" || level === "debug" ? "quiet" : "plain";
}
