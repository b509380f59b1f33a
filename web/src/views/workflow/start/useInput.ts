import { useRef, useState, type RefObject } from "react";
import { ApiError } from "../../../api/client";
import type { Json, Schema, Workflow } from "../../../api/types";
import { initialValue } from "../../../ui/form/initial";
import { below, type PathProblem } from "../../../ui/form/path";
import { isObject } from "../../../ui/form/resolve";
import { focusProblem, problemsOf } from "../../../ui/form/SchemaForm";

export interface Input {
  schema: Schema | null;
  value: Json;
  setValue: (value: Json) => void;
  problems: PathProblem[];
  setReadable: (readable: boolean) => void;
  /** Whether it can be sent; if not, its problems are shown and the first has the focus. */
  ready: () => boolean;
  /** Show what the server refused; false if the refusal is about something else than the input. */
  refuse: (error: unknown) => boolean;
  form: RefObject<HTMLDivElement | null>;
}

/** The input of a run while it is filled in. */
export function useInput(workflow: Workflow): Input {
  const given = workflow.definition["input_schema"];
  const schema = isObject(given) ? given : null;
  const [value, setValue] = useState<Json>(() => initialValue(schema));
  const [problems, setProblems] = useState<PathProblem[]>([]);
  const [readable, setReadable] = useState(true);
  const form = useRef<HTMLDivElement>(null);
  const show = (found: PathProblem[]): void => {
    setProblems(found);
    requestAnimationFrame(() => focusProblem(form.current));
  };
  const ready = (): boolean => {
    const found = isObject(value) ? problemsOf(schema, value) : [{ path: "", message: "The input is a JSON object." }];
    show(found);
    return readable && found.length === 0;
  };
  const refuse = (error: unknown): boolean => {
    const errors = error instanceof ApiError ? (error.problem.errors ?? []) : [];
    const own = errors.filter(({ path }) => path.startsWith("input_data") || path.startsWith("body.input_data"));
    show(below(own.map(({ path, message }) => ({ path: path.replace(/^body\./, ""), message })), "input_data"));
    return own.length > 0 && own.length === errors.length;
  };
  const change = (next: Json): void => {
    setValue(next);
    if (problems.length > 0) setProblems(problemsOf(schema, next));
  };
  return { schema, value, setValue: change, problems, setReadable, ready, refuse, form };
}
