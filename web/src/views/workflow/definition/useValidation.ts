import { useCallback, useRef, useState } from "react";
import { call } from "../../../api/client";
import { project as projectPath } from "../../../api/queries";
import type { Validation } from "../../../api/types";
import type { Marked } from "../../../editor/Editor";
import { definitionIn } from "./draft";

export interface Checked {
  /** null: nothing is checked yet. */
  problems: readonly Marked[] | null;
  /** Why the server could not be asked. */
  failure: unknown;
}

/** What the server says of a definition; the newest text wins. */
export function useValidation(project: string): Checked & { check: (text: string) => Promise<readonly Marked[]> } {
  const [checked, setChecked] = useState<Checked>({ problems: null, failure: null });
  const newest = useRef(0);
  const check = useCallback(async (text: string): Promise<readonly Marked[]> => {
    newest.current += 1;
    const mine = newest.current;
    try {
      const problems = await problemsOf(project, text);
      if (mine === newest.current) setChecked({ problems, failure: null });
      return problems;
    } catch (failure) {
      if (mine === newest.current) setChecked({ problems: null, failure });
      return [];
    }
  }, [project]);
  return { ...checked, check };
}

async function problemsOf(project: string, text: string): Promise<Marked[]> {
  const read = definitionIn(text);
  if ("problem" in read) return [{ path: syntaxPlace(read.problem), message: `This is not JSON: ${read.problem}`, severity: "error" }];
  const { errors, warnings } = await call<Validation>(`${projectPath(project)}/workflows/validate`, { method: "POST", body: { definition: read.definition } });
  const marked = (severity: Marked["severity"]) => ({ path, message }: { path: string; message: string }): Marked => ({ path, message, severity });
  return [...errors.map(marked("error")), ...warnings.map(marked("warning"))];
}

/** Where JSON breaks as the editor takes it: `@12` where the browser tells the position, otherwise `@`, and the editor looks. */
function syntaxPlace(message: string): string {
  return `@${/position (\d+)/.exec(message)?.[1] ?? ""}`;
}
