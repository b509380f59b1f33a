/** A node's state in words, for its card and for screen readers. */
import type { GraphNode } from "../api/types";
import type { NodeView } from "../model/run";
import { duration, percent } from "../ui/format";
import { statusWord } from "../ui/Status";

/** `call_api` as `Call API`. */
export function typeWord(type: string): string {
  const words = type.replaceAll("_", " ");
  return (words.charAt(0).toUpperCase() + words.slice(1)).replace(/\b(api|ai)\b/gi, (word) => word.toUpperCase());
}

/** How long it took, or has been at it; null while nothing began. */
export function elapsed(view: NodeView, now: number): number | null {
  if (view.startedAt === null || view.status === "SKIPPED" || view.status === "READY") return null;
  const end = view.completedAt ?? (view.status === "RUNNING" || view.status === "WAITING" ? now : null);
  return end === null ? null : Math.max(0, end - view.startedAt);
}

/** What stands beside the status: `12/40 · 1 failed`, `65 %`, `1.2 s`. */
export function detail(view: NodeView, now: number): string {
  const parts: string[] = [];
  if (view.items !== null) {
    parts.push(`${view.items.completed + view.items.failed}/${view.items.total}`);
    if (view.items.failed > 0) parts.push(`${view.items.failed} failed`);
  } else if (view.status === "RUNNING" && view.progress > 0 && view.progress < 1) {
    parts.push(percent(view.progress));
  }
  const took = elapsed(view, now);
  if (took !== null && parts.length < 2) parts.push(duration(took));
  return parts.join(" · ");
}

/** `fetch, call_api, Completed, 1.2 s, attempt 1`. */
export function spoken(node: GraphNode, view: NodeView | undefined, now: number, inside: { total: number; over: number } | null): string {
  const parts = [node.name, node.type];
  if (view !== undefined) {
    parts.push(statusWord(view.status));
    const told = detail(view, now);
    if (told !== "") parts.push(told.replaceAll(" · ", ", "));
    if (view.attempt > 0) parts.push(`attempt ${view.attempt}`);
    if (view.iterations > 1) parts.push(`run ${view.iterations} times`);
  }
  if (inside !== null) parts.push(view === undefined ? `${inside.total} steps inside` : `${inside.over} of ${inside.total} steps inside over`);
  return parts.join(", ");
}
