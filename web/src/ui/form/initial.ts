import type { Json, JsonObject, Schema } from "../../api/types";
import { isObject, resolve } from "./resolve";
import { fieldOf } from "./schema";

/** What a form begins with: defaults and constants, and objects and lists around them. undefined: nothing yet. */
export function initialOf(schema: Schema, root: Schema = schema, depth = 0): Json | undefined {
  const given = resolve(schema, root);
  for (const told of [given["default"], given["const"]]) if (told !== undefined) return told;
  const { shape, nullable } = fieldOf(given, root);
  if (nullable || depth > 8) return undefined;
  if (shape.kind === "list") return startOfList(shape.items, shape.min, root);
  if (shape.kind !== "object") return undefined;
  const found: JsonObject = {};
  for (const property of shape.properties) {
    const value = initialOf(property.schema, root, depth + 1);
    if (value !== undefined && (property.required || !isHollow(value))) found[property.key] = value;
  }
  return found;
}

/** What a whole form begins with. Without a schema, or for a bare object: an empty one. */
export function initialValue(schema: Schema | null): Json {
  const value = schema === null ? undefined : initialOf(schema);
  if (value !== undefined) return value;
  return schema === null || schema["type"] === undefined || schema["type"] === "object" ? {} : null;
}

function startOfList(items: Schema, count: number, root: Schema): Json[] {
  return Array.from({ length: Math.min(count, 20) }, () => newEntry(items, root));
}

/** Nothing but empty objects and lists: left out where it is not required. */
function isHollow(value: Json): boolean {
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.values(value).every(isHollow);
}

/** What a new entry of a list begins with. */
export function newEntry(items: Schema, root: Schema): Json {
  const value = initialOf(items, root);
  if (value !== undefined) return value;
  const { shape } = fieldOf(items, root);
  return shape.kind === "text" ? "" : shape.kind === "object" ? {} : shape.kind === "list" ? [] : null;
}
