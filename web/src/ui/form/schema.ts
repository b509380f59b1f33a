/** What a JSON Schema asks for, as a form shows it: one level at a time, so that schemas that refer to themselves end. */
import type { Json, Schema } from "../../api/types";
import { checkValue } from "./checks";
import { into, keysOf, type PathProblem } from "./path";
import { asSchemas, isObject, resolve, words } from "./resolve";

export interface Property {
  key: string;
  schema: Schema;
  required: boolean;
}

export interface Option {
  label: string;
  value: Json;
}

export type TextFormat = "text" | "multiline" | "date" | "date-time" | "time" | "email" | "uri" | "password";

export type Shape =
  | { kind: "text"; format: TextFormat }
  | { kind: "number"; integer: boolean }
  | { kind: "boolean" }
  | { kind: "choice"; options: Option[] }
  | { kind: "object"; properties: Property[] }
  | { kind: "list"; items: Schema; min: number; max: number }
  | { kind: "variants"; variants: { label: string; schema: Schema }[] }
  | { kind: "json" };

export interface Field {
  label: string | null;
  hint: string | null;
  /** Empty may be told as null. */
  nullable: boolean;
  shape: Shape;
}

const asText = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

/** What to show for a schema. `root` is the schema that its references are in. */
export function fieldOf(schema: Schema, root: Schema): Field {
  const given = resolve(schema, root);
  const { nullable, schema: inner } = withoutNull(given, root);
  return {
    label: asText(given["title"]) ?? asText(inner["title"]),
    hint: asText(given["description"]) ?? asText(inner["description"]),
    nullable,
    shape: shapeOf(inner, root),
  };
}

function withoutNull(schema: Schema, root: Schema): { nullable: boolean; schema: Schema } {
  const { type, ...rest } = schema;
  if (Array.isArray(type)) {
    const others = type.filter((each) => each !== "null");
    const only = others.length === 1 ? (others[0] ?? null) : others;
    return { nullable: others.length < type.length, schema: { ...rest, type: only } };
  }
  for (const key of ["anyOf", "oneOf"] as const) {
    const parts = asSchemas(schema[key]);
    const others = parts.filter((part) => resolve(part, root)["type"] !== "null");
    if (others.length === parts.length || others.length === 0) continue;
    const { [key]: _parts, ...beside } = schema;
    const [only] = others;
    return { nullable: true, schema: others.length === 1 && only !== undefined ? { ...resolve(only, root), ...beside } : { ...beside, [key]: others } };
  }
  return { nullable: false, schema };
}

function shapeOf(schema: Schema, root: Schema): Shape {
  return choiceOf(schema, root) ?? variantsOf(schema, root) ?? typed(schema);
}

function choiceOf(schema: Schema, root: Schema): Shape | null {
  if (schema["const"] !== undefined) return { kind: "choice", options: [option(schema["const"])] };
  if (Array.isArray(schema["enum"])) return { kind: "choice", options: schema["enum"].filter((each) => each !== null).map((each) => option(each)) };
  const parts = asSchemas(schema["oneOf"] ?? schema["anyOf"]).map((part) => resolve(part, root));
  if (parts.length === 0 || parts.some((part) => part["const"] === undefined)) return null;
  return { kind: "choice", options: parts.map((part) => option(part["const"] ?? null, asText(part["title"]))) };
}

const option = (value: Json, label: string | null = null): Option => ({ value, label: label ?? (typeof value === "string" ? value : JSON.stringify(value)) });

function variantsOf(schema: Schema, root: Schema): Shape | null {
  const parts = asSchemas(schema["anyOf"] ?? schema["oneOf"]).map((part) => resolve(part, root));
  if (parts.length === 0) return null;
  if (schema["properties"] !== undefined) return { kind: "json" };
  return { kind: "variants", variants: parts.map((part, at) => ({ label: asText(part["title"]) ?? variantName(part, at), schema: part })) };
}

const variantName = (part: Schema, at: number): string => (typeof part["type"] === "string" ? words(part["type"]) : `Choice ${at + 1}`);

function typed(schema: Schema): Shape {
  if (Array.isArray(schema["allOf"]) || schema["not"] !== undefined) return { kind: "json" };
  const type = schema["type"] ?? (isObject(schema["properties"]) ? "object" : null);
  if (type === "string") return { kind: "text", format: formatOf(schema) };
  if (type === "number" || type === "integer") return { kind: "number", integer: type === "integer" };
  if (type === "boolean") return { kind: "boolean" };
  if (type === "object") return objectShape(schema);
  return type === "array" ? listShape(schema) : { kind: "json" };
}

function formatOf(schema: Schema): TextFormat {
  const format = schema["format"];
  if (format === "date" || format === "date-time" || format === "time" || format === "email" || format === "password") return format;
  if (format === "uri" || format === "url") return "uri";
  const long = typeof schema["maxLength"] === "number" && schema["maxLength"] > 200;
  return long || format === "textarea" || schema["contentMediaType"] !== undefined ? "multiline" : "text";
}

function objectShape(schema: Schema): Shape {
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  const required = new Set(Array.isArray(schema["required"]) ? schema["required"] : []);
  const found = Object.entries(properties).map(([key, each]) => ({ key, schema: isObject(each) ? each : {}, required: required.has(key) }));
  return found.length > 0 ? { kind: "object", properties: found } : { kind: "json" };
}

function listShape(schema: Schema): Shape {
  const items = schema["items"];
  if (!isObject(items) || schema["prefixItems"] !== undefined) return { kind: "json" };
  const count = (key: string, none: number): number => (typeof schema[key] === "number" ? schema[key] : none);
  return { kind: "list", items, min: count("minItems", 0), max: count("maxItems", Infinity) };
}

/** Which of the variants a value is of: the first that takes it, otherwise the first of the same type. */
export function variantOf(variants: readonly { schema: Schema }[], value: Json | undefined, root: Schema): number {
  if (value === undefined) return -1;
  const fitting = variants.findIndex(({ schema }) => checkValue(schema, value, root).length === 0);
  return fitting >= 0 ? fitting : variants.findIndex(({ schema }) => !checkValue({ type: schema["type"] ?? null }, value, root).some(({ path }) => path === ""));
}

/** Each problem at the field that the form has for it: its own, or the nearest around it. */
export function placed(problems: readonly PathProblem[], schema: Schema): PathProblem[] {
  return problems.map(({ path, message }) => {
    const missing = /^'(.+)' is a required property$/.exec(message)?.[1];
    if (missing === undefined) return { path: nearest(path, schema), message };
    return { path: nearest(into(path, missing), schema), message: "Required." };
  });
}

function nearest(path: string, root: Schema): string {
  let [at, schema]: [string, Schema] = ["", root];
  for (const key of keysOf(path)) {
    const { shape } = fieldOf(schema, root);
    const inner = shape.kind === "object" ? shape.properties.find((each) => each.key === key)?.schema : shape.kind === "list" ? shape.items : undefined;
    if (inner === undefined) return at;
    [at, schema] = [into(at, key), inner];
  }
  return at;
}
