/** Controls for single values. An emptied one takes its value away, or tells null where the schema has it. */
import { useState } from "react";
import type { Json } from "../../api/types";
import { sameJson } from "./checks";
import { useForm, type Place } from "./context";
import { fromLocal, toLocal } from "./dates";
import type { Option, TextFormat } from "./schema";

/** What ties a control to its label, hint and problems. */
export interface Naming {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": true | undefined;
  "aria-required": true | undefined;
}

interface Props {
  place: Place;
  naming: Naming;
  nullable: boolean;
}

const empty = ({ required }: Place, nullable: boolean): null | undefined => (required && nullable ? null : undefined);
const shown = (value: Json | undefined): string => (value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value));
const INPUT_TYPES: Record<TextFormat, string> = {
  text: "text", multiline: "text", date: "date", "date-time": "datetime-local", time: "time", email: "email", uri: "url", password: "password",
};

export function TextInput({ place, format, nullable, naming }: Props & { format: TextFormat }) {
  const { disabled } = useForm();
  const change = (text: string): void => place.onChange(text === "" ? empty(place, nullable) : text);
  const text = shown(place.value);
  if (format === "multiline" || text.includes("\n")) {
    return <textarea className="input" rows={4} {...naming} disabled={disabled} value={text} onChange={(event) => change(event.target.value)} />;
  }
  if (format === "date-time" && (text === "" || toLocal(text) !== null)) {
    return (
      <input className="input" type="datetime-local" step={1} {...naming} disabled={disabled} value={toLocal(text) ?? ""}
        onChange={(event) => change(fromLocal(event.target.value))} />
    );
  }
  const type = format === "date-time" ? "text" : INPUT_TYPES[format];
  return (
    <input className="input" type={type} {...naming} disabled={disabled} autoComplete="off" value={text} onChange={(event) => change(event.target.value)} />
  );
}

export function NumberInput({ place, integer, nullable, naming }: Props & { integer: boolean }) {
  const { disabled } = useForm();
  const [typed, setTyped] = useState("");
  const told = shown(place.value);
  const text = typed.trim() !== "" && Number(typed) === place.value ? typed : told;
  const change = (next: string): void => {
    setTyped(next);
    const number = Number(next);
    if (next.trim() === "") place.onChange(empty(place, nullable));
    else place.onChange(Number.isFinite(number) ? number : next);
  };
  return (
    <input className="input form-number" inputMode={integer ? "numeric" : "decimal"} autoComplete="off" {...naming} disabled={disabled} value={text}
      onChange={(event) => change(event.target.value)} />
  );
}

/** Yes or no, neither taken for granted: what is not chosen is not sent. */
export function BooleanInput({ place, nullable, naming }: Props) {
  const { disabled } = useForm();
  const choice = (label: string, checked: boolean, value: boolean | null | undefined) => (
    <label className="form-choice" key={label}>
      <input type="radio" name={naming.id} id={checked ? naming.id : undefined} checked={checked} disabled={disabled} aria-invalid={naming["aria-invalid"]}
        aria-describedby={naming["aria-describedby"]} onChange={() => place.onChange(value)} />
      {label}
    </label>
  );
  const unset = empty(place, nullable);
  return (
    <div className="row">
      {choice("Yes", place.value === true, true)}
      {choice("No", place.value === false, false)}
      {(!place.required || nullable) && choice("Not set", place.value === undefined || place.value === null, unset)}
    </div>
  );
}

export function ChoiceInput({ place, options, nullable, naming }: Props & { options: readonly Option[] }) {
  const { disabled } = useForm();
  const at = options.findIndex((option) => sameJson(option.value, place.value));
  const foreign = at < 0 && place.value !== undefined && place.value !== null;
  const change = (index: number): void => place.onChange(index < 0 ? empty(place, nullable) : options[index]?.value);
  return (
    <select className="input" {...naming} disabled={disabled} value={foreign ? -2 : at} onChange={(event) => change(Number(event.target.value))}>
      {(!place.required || nullable || at < 0) && <option value={-1}>{place.required && !nullable ? "Choose…" : "Not set"}</option>}
      {foreign && <option value={-2} disabled>{shown(place.value)}</option>}
      {options.map((option, index) => <option key={JSON.stringify(option.value)} value={index}>{option.label}</option>)}
    </select>
  );
}

/** The JSON of a part that has no fields of its own. */
export function JsonInput({ place, naming, rows = 4 }: { place: Place; naming: Naming; rows?: number }) {
  const { disabled, onUnreadable } = useForm();
  const [typed, setTyped] = useState<{ text: string; value: Json | undefined } | null>(null);
  const told = place.value === undefined ? "" : JSON.stringify(place.value, null, 2);
  const mine = typed !== null && (typed.value === undefined ? place.value === undefined : sameJson(typed.value, place.value));
  const problem = typed !== null && mine ? unreadable(typed.text) : null;
  const change = (text: string): void => {
    const wrong = unreadable(text);
    const value = wrong !== null ? place.value : text.trim() === "" ? undefined : (JSON.parse(text) as Json);
    setTyped({ text, value });
    onUnreadable(place.path, wrong !== null);
    if (wrong === null) place.onChange(value);
  };
  return (
    <>
      <textarea className="input mono" spellCheck={false} rows={rows} {...naming} aria-invalid={problem !== null || naming["aria-invalid"]} disabled={disabled}
        value={mine ? typed.text : told} onChange={(event) => change(event.target.value)} />
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
    </>
  );
}

function unreadable(text: string): string | null {
  if (text.trim() === "") return null;
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return `This is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}
