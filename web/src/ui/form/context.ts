import { createContext, useContext } from "react";
import type { Json, Schema } from "../../api/types";

/** What every field of one form shares. */
export interface Form {
  /** What references refer to. */
  root: Schema;
  /** Begins every id in this form. */
  id: string;
  problems: ReadonlyMap<string, string[]>;
  disabled: boolean;
  /** A part whose JSON cannot be read has no value to give; it is told here. */
  onUnreadable: (path: string, unreadable: boolean) => void;
}

/** One place in a form. */
export interface Place {
  schema: Schema;
  /** undefined: there is none yet. */
  value: Json | undefined;
  /** undefined takes the value away. */
  onChange: (value: Json | undefined) => void;
  path: string;
  required: boolean;
}

export const FormContext = createContext<Form | null>(null);

export function useForm(): Form {
  const form = useContext(FormContext);
  if (form === null) throw new Error("a field stands outside its form");
  return form;
}
