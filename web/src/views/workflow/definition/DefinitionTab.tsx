import type { Workflow } from "../../../api/types";

export function DefinitionTab(_: { project: string; workflow: Workflow }) {
  return null;
}
