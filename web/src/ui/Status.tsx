import type { NodeStatus, RunStatus } from "../api/types";
import { Icon, type IconName } from "./Icon";

const ICONS: Record<RunStatus | NodeStatus, IconName> = {
  PENDING: "pending", QUEUED: "queued", READY: "ready", RUNNING: "running", WAITING: "waiting", PAUSED: "paused",
  COMPLETED: "completed", FAILED: "failed", CANCELLED: "cancelled", SKIPPED: "skipped",
};

export const iconOf = (status: RunStatus | NodeStatus): IconName => ICONS[status];

/** A status as a word: `Completed`. */
export function statusWord(status: RunStatus | NodeStatus): string {
  return status.charAt(0) + status.slice(1).toLowerCase();
}

/** A status by its shape, word and colour; `pill` on a soft ground; `bare` the shape alone, its word for screen readers. */
export function Status({ status, pill = false, bare = false }: { status: RunStatus | NodeStatus; pill?: boolean; bare?: boolean }) {
  return (
    <span className="status" data-status={status} data-pill={pill || undefined}>
      <Icon name={ICONS[status]} turning={status === "RUNNING"} />
      <span className={bare ? "visually-hidden" : undefined}>{statusWord(status)}</span>
    </span>
  );
}
