/** Where a schema's references lead. */
import type { Json, JsonObject, Schema } from "../../api/types";

export const isObject = (value: unknown): value is JsonObject => typeof value === "object" && value !== null && !Array.isArray(value);
export const asSchemas = (value: unknown): Schema[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** A property's name as words: `started_at` → `Started at`. */
export function words(key: string): string {
  const spaced = key.replace(/[_-]+/g, " ").replace(/([a-z\d])([A-Z])/g, "$1 $2").trim().toLowerCase();
  return spaced === "" ? key : spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

/** The schema behind `$ref` and an `allOf` of one, its own words kept. References elsewhere than `#/…` stay. */
export function resolve(schema: Schema, root: Schema): Schema {
  let found = schema;
  for (let depth = 0; depth < 16; depth += 1) {
    const { $ref: reference, ...own } = found;
    const target = typeof reference === "string" ? lookUp(reference, root) : onlyPart(found);
    if (target === null) return found;
    const { allOf: _parts, ...rest } = own;
    found = { ...target, ...rest };
  }
  return found;
}

function onlyPart(schema: Schema): Schema | null {
  const parts = asSchemas(schema["allOf"]);
  return parts.length === 1 ? (parts[0] ?? null) : null;
}

function lookUp(reference: string, root: Schema): Schema | null {
  if (reference !== "#" && !reference.startsWith("#/")) return null;
  let at: Json | undefined = root;
  for (const part of reference.split("/").slice(1)) {
    const key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    at = isObject(at) ? at[key] : undefined;
  }
  return isObject(at) ? at : null;
}
