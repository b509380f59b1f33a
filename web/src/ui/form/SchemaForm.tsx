import { useCallback, useId, useMemo, useRef, useState } from "react";
import type { Json, Schema } from "../../api/types";
import { Button } from "../Button";
import { checkValue } from "./checks";
import { FormContext, type Form } from "./context";
import { Control } from "./Field";
import "./form.css";
import { JsonInput, type Naming } from "./inputs";
import type { PathProblem } from "./path";
import { fieldOf, placed, type Field } from "./schema";

interface Props {
  /** null: there is none, so that the form is JSON alone. */
  schema: Schema | null;
  value: Json;
  onChange: (value: Json) => void;
  /** By path from the value: `to[2].name`; the value itself is the empty path. */
  problems: readonly PathProblem[];
  /** What the form is of, for those who cannot see it. */
  label: string;
  disabled?: boolean;
  /** Told when JSON that was typed cannot be read, so that the value is not what stands there. */
  onReadable?: (readable: boolean) => void;
}

/** A form made from a JSON Schema, with a switch to the same value as JSON. What fields cannot express is JSON in its place. */
export function SchemaForm({ schema, value, onChange, problems, label, disabled = false, onReadable }: Props) {
  const id = useId();
  const root = useMemo(() => schema ?? {}, [schema]);
  const field = useMemo(() => fieldOf(root, root), [root]);
  const formless = field.shape.kind === "json";
  const [asJson, setAsJson] = useState(false);
  const onUnreadable = useUnreadable(onReadable);
  const json = asJson || formless;
  const byPath = useMemo(() => group(json ? problems.map(atTheTop) : placed(problems, root)), [json, problems, root]);
  const form: Form = { root, id, problems: byPath, disabled, onUnreadable };
  const own = byPath.get("") ?? [];
  const naming: Naming = {
    id, "aria-describedby": own.length > 0 ? `${id}-problems` : undefined, "aria-invalid": own.length > 0 || undefined, "aria-required": undefined,
  };
  const place = { schema: root, value, onChange: (next: Json | undefined) => onChange(next ?? null), path: "", required: true };
  return (
    <FormContext value={form}>
      <div className="form" role="group" aria-label={label}>
        {!formless && <ModeSwitch json={asJson} onSwitch={(next) => { onUnreadable("", false); setAsJson(next); }} />}
        {json || isSingle(field) ? (
          <div className="field">
            <label htmlFor={id} className={json ? "visually-hidden" : undefined}>{json ? `${label} as JSON` : (field.label ?? label)}</label>
            {json ? <JsonInput place={place} naming={naming} rows={10} /> : <Control field={field} place={place} naming={naming} />}
          </div>
        ) : <Control field={field} place={place} naming={naming} />}
        {own.length > 0 && <ul className="form-problems" id={`${id}-problems`}>{own.map((message) => <li key={message}>{message}</li>)}</ul>}
      </div>
    </FormContext>
  );
}

/** What can be told to be wrong before sending. Empty when nothing is. */
export function problemsOf(schema: Schema | null, value: Json): PathProblem[] {
  return schema === null ? [] : checkValue(schema, value);
}

/** Put the focus on the first field with a problem. */
export function focusProblem(element: HTMLElement | null): void {
  element?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
}

const isSingle = ({ shape }: Field): boolean => shape.kind === "text" || shape.kind === "number" || shape.kind === "choice";
const atTheTop = ({ path, message }: PathProblem): PathProblem => ({ path: "", message: path === "" ? message : `${path}: ${message}` });

function useUnreadable(onReadable: Props["onReadable"]): Form["onUnreadable"] {
  const paths = useRef(new Set<string>());
  return useCallback((path: string, unreadable: boolean) => {
    const before = paths.current.size;
    if (path === "") paths.current.clear();
    if (unreadable) paths.current.add(path);
    else paths.current.delete(path);
    if ((before === 0) !== (paths.current.size === 0)) onReadable?.(paths.current.size === 0);
  }, [onReadable]);
}

function group(problems: readonly PathProblem[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { path, message } of problems) found.set(path, [...(found.get(path) ?? []).filter((each) => each !== message), message]);
  return found;
}

function ModeSwitch({ json, onSwitch }: { json: boolean; onSwitch: (json: boolean) => void }) {
  return (
    <div className="form-switch" role="group" aria-label="Show as">
      <Button size="small" kind="plain" aria-pressed={!json} onClick={() => onSwitch(false)}>Form</Button>
      <Button size="small" kind="plain" aria-pressed={json} onClick={() => onSwitch(true)}>JSON</Button>
    </div>
  );
}
