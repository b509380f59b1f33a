/** What is plainly wrong with a value before it is sent. The server has the last word; unknown keywords are its affair. */
import type { Json, JsonObject, Schema } from "../../api/types";
import { into, type PathProblem } from "./path";
import { isObject, resolve, words } from "./resolve";

/** Every problem with a value, at its path. `root` is the schema that references are in. */
export function checkValue(schema: Schema, value: Json | undefined, root: Schema = schema): PathProblem[] {
  return check(schema, value, "", root, 0);
}

function check(given: Schema, value: Json | undefined, path: string, root: Schema, depth: number): PathProblem[] {
  if (depth > 32) return [];
  if (value === undefined) return [{ path, message: "Required." }];
  const schema = resolve(given, root);
  const own = (message: string | null): PathProblem[] => (message === null ? [] : [{ path, message }]);
  const wrong = own(typeProblem(schema["type"], value) ?? choiceProblem(schema, value));
  if (wrong.length > 0) return wrong;
  const rest = typeof value === "number" ? own(numberProblem(schema, value)) : typeof value === "string" ? own(textProblem(schema, value)) : [];
  const inner = (part: Schema, at: string, each: Json | undefined): PathProblem[] => check(part, each, at, root, depth + 1);
  if (Array.isArray(value)) rest.push(...own(listProblem(schema, value)), ...items(schema, value, path, inner));
  if (isObject(value)) rest.push(...members(schema, value, path, inner));
  return [...rest, ...combined(schema, value, path, inner)];
}

type Inner = (part: Schema, path: string, value: Json | undefined) => PathProblem[];

function items(schema: Schema, value: Json[], path: string, inner: Inner): PathProblem[] {
  const each = schema["items"];
  return isObject(each) && schema["prefixItems"] === undefined ? value.flatMap((item, index) => inner(each, into(path, index), item)) : [];
}

function members(schema: Schema, value: JsonObject, path: string, inner: Inner): PathProblem[] {
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"].filter((key) => typeof key === "string") : [];
  const missing = required.filter((key) => value[key] === undefined).map((key) => ({ path: into(path, key), message: "Required." }));
  const known = Object.entries(properties).flatMap(([key, part]) => (isObject(part) && value[key] !== undefined ? inner(part, into(path, key), value[key]) : []));
  const extra = schema["additionalProperties"] === false && schema["patternProperties"] === undefined ? Object.keys(value).filter((key) => !(key in properties)) : [];
  return [...missing, ...known, ...extra.map((key) => ({ path: into(path, key), message: `There is no field “${key}”.` }))];
}

function combined(schema: Schema, value: Json, path: string, inner: Inner): PathProblem[] {
  const parts = (key: string): Schema[] => (Array.isArray(schema[key]) ? schema[key].filter(isObject) : []);
  const found = parts("allOf").flatMap((part) => inner(part, path, value));
  for (const key of ["anyOf", "oneOf"]) {
    const choices = parts(key).map((part) => inner(part, path, value));
    if (choices.length === 0 || choices.some((problems) => problems.length === 0)) continue;
    const closest = choices.filter((problems) => problems.every((problem) => problem.path !== path));
    found.push(...(closest.length === 1 && closest[0] !== undefined ? closest[0] : [{ path, message: "This fits none of the choices." }]));
  }
  return found;
}

function typeProblem(type: Json | undefined, value: Json): string | null {
  const types = typeof type === "string" ? [type] : Array.isArray(type) ? type.filter((each) => typeof each === "string") : [];
  if (types.length === 0 || types.some((each) => isOf(each, value))) return null;
  return `This has to be ${types.map((each) => (each === "null" ? "null" : TYPE_WORDS[each] ?? words(each).toLowerCase())).join(" or ")}.`;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  integer: "a whole number", number: "a number", string: "text", boolean: "yes or no", object: "an object", array: "a list",
};

function isOf(type: string, value: Json): boolean {
  if (type === "null") return value === null;
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  return type === "object" ? isObject(value) : typeof value === type;
}

function choiceProblem(schema: Schema, value: Json): string | null {
  const same = (each: Json): boolean => sameJson(each, value);
  if (schema["const"] !== undefined && !same(schema["const"])) return `This has to be ${JSON.stringify(schema["const"])}.`;
  const allowed = schema["enum"];
  return Array.isArray(allowed) && !allowed.some(same) ? `This has to be one of ${allowed.map((each) => JSON.stringify(each)).join(", ")}.` : null;
}

/** Equality of JSON values, whatever the order of keys. */
export function sameJson(left: Json | undefined, right: Json | undefined): boolean {
  if (Array.isArray(left) && Array.isArray(right)) return left.length === right.length && left.every((each, index) => sameJson(each, right[index]));
  if (!isObject(left) || !isObject(right)) return left === right;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => key in right && sameJson(left[key], right[key]));
}

function numberProblem(schema: Schema, value: number): string | null {
  const bound = (key: string): number | null => (typeof schema[key] === "number" ? schema[key] : null);
  const [least, most, above, under, step] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"].map(bound);
  if (least != null && value < least) return `At least ${least}.`;
  if (most != null && value > most) return `At most ${most}.`;
  if (above != null && value <= above) return `More than ${above}.`;
  if (under != null && value >= under) return `Less than ${under}.`;
  return step != null && step > 0 && Math.abs(value / step - Math.round(value / step)) > 1e-9 ? `A multiple of ${step}.` : null;
}

function textProblem(schema: Schema, value: string): string | null {
  const [least, most, pattern] = [schema["minLength"], schema["maxLength"], schema["pattern"]];
  const length = [...value].length;
  if (typeof least === "number" && length < least) return `At least ${least} ${least === 1 ? "character" : "characters"}.`;
  if (typeof most === "number" && length > most) return `At most ${most} characters, these are ${length}.`;
  return typeof pattern === "string" && matches(pattern, value) === false ? `This does not match ${pattern}` : null;
}

/** null: the pattern is not one that browsers know. */
function matches(pattern: string, value: string): boolean | null {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return null;
  }
}

function listProblem(schema: Schema, value: Json[]): string | null {
  const [least, most] = [schema["minItems"], schema["maxItems"]];
  if (typeof least === "number" && value.length < least) return `At least ${least} ${least === 1 ? "entry" : "entries"}.`;
  if (typeof most === "number" && value.length > most) return `At most ${most} entries.`;
  const twice = schema["uniqueItems"] === true && value.some((each, index) => value.slice(0, index).some((other) => sameJson(each, other)));
  return twice ? "An entry is there twice." : null;
}
