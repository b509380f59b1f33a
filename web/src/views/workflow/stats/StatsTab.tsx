import type { Workflow } from "../../../api/types";

export function StatsTab(_: { project: string; workflow: Workflow }) {
  return null;
}
