import type { Workflow } from "../../api/types";

export function GraphTab(_: { project: string; workflow: Workflow }) {
  return null;
}
