import type { ReactNode } from "react";
import { FieldList, FieldObject, FieldVariants } from "./containers";
import { useForm, type Place } from "./context";
import { BooleanInput, ChoiceInput, JsonInput, NumberInput, TextInput, type Naming } from "./inputs";
import { fieldOf, type Field as Shown, type Shape } from "./schema";
import { words } from "./resolve";

interface Props extends Place {
  /** The property's name, or what else it is called where the schema says no title. */
  name: string;
  /** Beside the label: what moves or removes an entry. */
  tools?: ReactNode;
}

/** One field of a form: its label, its control, its hint and its problems, tied together. */
export function Field({ name, tools, ...place }: Props) {
  const form = useForm();
  const field = fieldOf(place.schema, form.root);
  const id = `${form.id}-${place.path}`;
  const problems = form.problems.get(place.path) ?? [];
  const naming = namingOf(id, field, problems.length > 0, place.required);
  const label = <FieldLabel text={field.label ?? words(name)} name={name} required={place.required} />;
  const notes = (
    <>
      {field.hint !== null && <p className="hint" id={`${id}-hint`}>{field.hint}</p>}
      {problems.length > 0 && <p className="problem" id={`${id}-problem`}>{problems.join(" ")}</p>}
    </>
  );
  if (isGroup(field.shape)) {
    return (
      <fieldset className="form-group" aria-describedby={naming["aria-describedby"]} disabled={form.disabled}>
        <legend>{label}</legend>
        {tools !== undefined && <div className="form-tools">{tools}</div>}
        {notes}
        <Control field={field} place={place} naming={naming} />
      </fieldset>
    );
  }
  return (
    <div className="field">
      <div className="form-head"><label htmlFor={id} id={`${id}-label`}>{label}</label>{tools !== undefined && <div className="form-tools">{tools}</div>}</div>
      <Control field={field} place={place} naming={naming} />
      {notes}
    </div>
  );
}

const isGroup = (shape: Shape): boolean => shape.kind === "object" || shape.kind === "list" || shape.kind === "variants" || shape.kind === "boolean";

function namingOf(id: string, field: Shown, wrong: boolean, required: boolean): Naming {
  const notes = [field.hint !== null && `${id}-hint`, wrong && `${id}-problem`].filter((each) => each !== false).join(" ");
  return { id, "aria-describedby": notes === "" ? undefined : notes, "aria-invalid": wrong || undefined, "aria-required": required || undefined };
}

function FieldLabel({ text, name, required }: { text: string; name: string; required: boolean }) {
  return <span title={name}>{text}{required && <span className="form-required" aria-hidden="true"> *</span>}</span>;
}

/** The control of a field without its label; `naming` ties the two. */
export function Control({ field, place, naming }: { field: Shown; place: Place; naming: Naming }) {
  const { shape, nullable } = field;
  switch (shape.kind) {
    case "text": return <TextInput place={place} format={shape.format} nullable={nullable} naming={naming} />;
    case "number": return <NumberInput place={place} integer={shape.integer} nullable={nullable} naming={naming} />;
    case "boolean": return <BooleanInput place={place} nullable={nullable} naming={naming} />;
    case "choice": return <ChoiceInput place={place} options={shape.options} nullable={nullable} naming={naming} />;
    case "object": return <FieldObject place={place} properties={shape.properties} />;
    case "list": return <FieldList place={place} shape={shape} />;
    case "variants": return <FieldVariants place={place} variants={shape.variants} nullable={nullable} />;
    case "json": return <JsonInput place={place} naming={naming} />;
  }
}
