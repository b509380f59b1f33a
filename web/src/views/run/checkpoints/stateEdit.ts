/** What of a state can be edited, and what an edit says to the server. */
import type { Json, JsonObject } from "../../../api/types";

/** The part of a definition's state that the server lets people change; of another graph's state, all of it. */
export function editable(values: JsonObject): JsonObject {
  if (!("outputs" in values) && !("variables" in values)) return values;
  return { variables: values["variables"] ?? {}, outputs: values["outputs"] ?? {} };
}

/** Only what was changed, so that reducers of untouched channels are not called. One level deep: variable by variable. */
export function edited(before: JsonObject, after: JsonObject): JsonObject {
  const changed: JsonObject = {};
  for (const [name, value] of Object.entries(after)) {
    const old = before[name];
    if (same(old, value)) continue;
    const inside = (name === "variables" || name === "outputs") && isObject(old) && isObject(value);
    changed[name] = inside ? Object.fromEntries(Object.entries(value).filter(([key, each]) => !same(old[key], each))) : value;
  }
  return changed;
}

/** The object in a text, or what is wrong with the text. */
export function parsed(text: string): { value: JsonObject | null; problem: string | null } {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? { value, problem: null } : { value: null, problem: "The state is a JSON object." };
  } catch (error) {
    return { value: null, problem: error instanceof Error ? error.message : String(error) };
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function same(one: Json | undefined, other: Json | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
