/** Fields that hold others. */
import { useState } from "react";
import type { Json, JsonObject } from "../../api/types";
import { Button } from "../Button";
import { useForm, type Place } from "./context";
import { Field } from "./Field";
import { initialOf, newEntry } from "./initial";
import { into } from "./path";
import { isObject } from "./resolve";
import { variantOf, type Property, type Shape } from "./schema";

export function FieldObject({ place, properties }: { place: Place; properties: readonly Property[] }) {
  const value = isObject(place.value) ? place.value : {};
  const others = Object.keys(value).filter((key) => !properties.some((property) => property.key === key));
  const set = (key: string, next: Json | undefined): void => {
    const { [key]: _before, ...rest } = value;
    const changed: JsonObject = next === undefined ? rest : { ...value, [key]: next };
    const gone = Object.keys(changed).length === 0 && !place.required && place.path !== "";
    place.onChange(gone ? undefined : changed);
  };
  return (
    <div className="form-fields">
      {properties.map(({ key, schema, required }) => (
        <Field key={key} name={key} schema={schema} required={required} path={into(place.path, key)} value={value[key]} onChange={(next) => set(key, next)} />
      ))}
      {others.length > 0 && <p className="hint">Also set, to be changed as JSON: {others.map((key) => <code key={key}>{key} </code>)}</p>}
    </div>
  );
}

export function FieldList({ place, shape }: { place: Place; shape: Extract<Shape, { kind: "list" }> }) {
  const { root, disabled } = useForm();
  const entries = Array.isArray(place.value) ? place.value : [];
  const tell = (next: Json[]): void => place.onChange(next.length === 0 && !place.required ? undefined : next);
  const set = (index: number, next: Json | undefined): void => tell(entries.map((each, at) => (at === index ? (next ?? blank(each)) : each)));
  const move = (from: number, to: number): void => {
    const next = [...entries];
    next.splice(to, 0, ...next.splice(from, 1));
    tell(next);
  };
  return (
    <div className="form-fields">
      {entries.length === 0 && <p className="hint">No entries.</p>}
      {entries.map((entry, index) => (
        <Field
          key={index} name={`${index + 1}`} schema={shape.items} required path={into(place.path, index)} value={entry}
          onChange={(next) => set(index, next)}
          tools={
            <>
              <Button kind="plain" size="small" disabled={disabled || index === 0} onClick={() => move(index, index - 1)} aria-label={`Move entry ${index + 1} up`}>↑</Button>
              <Button kind="plain" size="small" disabled={disabled || index === entries.length - 1} onClick={() => move(index, index + 1)} aria-label={`Move entry ${index + 1} down`}>↓</Button>
              <Button kind="plain" size="small" icon="close" disabled={disabled || entries.length <= shape.min} aria-label={`Remove entry ${index + 1}`}
                onClick={() => tell(entries.filter((_, at) => at !== index))} />
            </>
          }
        />
      ))}
      <div><Button size="small" disabled={disabled || entries.length >= shape.max} onClick={() => tell([...entries, newEntry(shape.items, root)])}>Add entry</Button></div>
    </div>
  );
}

const blank = (before: Json): Json => (typeof before === "string" ? "" : null);

export function FieldVariants({ place, variants, nullable }: { place: Place; variants: Extract<Shape, { kind: "variants" }>["variants"]; nullable: boolean }) {
  const { root, id, disabled } = useForm();
  const [picked, setPicked] = useState<number | null>(null);
  const at = place.value === undefined || place.value === null ? (picked ?? -1) : (picked ?? variantOf(variants, place.value, root));
  const chosen = variants[at];
  const pick = (index: number): void => {
    setPicked(index < 0 ? null : index);
    const schema = variants[index]?.schema;
    place.onChange(schema === undefined ? (place.required && nullable ? null : undefined) : initialOf(schema, root));
  };
  return (
    <div className="form-fields">
      <select className="input" aria-label="Kind" id={`${id}-${place.path}`} value={at} disabled={disabled} onChange={(event) => pick(Number(event.target.value))}>
        {(!place.required || nullable || at < 0) && <option value={-1}>{place.required && !nullable ? "Choose…" : "Not set"}</option>}
        {variants.map((variant, index) => <option key={index} value={index}>{variant.label}</option>)}
      </select>
      {chosen !== undefined && <Field key={at} {...place} name={chosen.label} schema={chosen.schema} />}
    </div>
  );
}
