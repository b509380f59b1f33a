/** What could stand at a place of a definition. */
import type { Json, NodeType, Schema } from "../api/types";
import type { Key } from "../ui/form/path";
import { asSchemas, isObject, resolve } from "../ui/form/resolve";

export interface Suggestion {
  value: Json;
  detail?: string;
  info?: string;
}

const TOP: Record<string, string> = {
  name: "What people call it.", description: "What it is for.", input_schema: "JSON Schema of what a run is started with.",
  nodes: "What is done.", edges: "What comes after what.", steps: "Nodes one after another, instead of nodes and edges.",
  timeout: "Seconds for the whole run.", max_iterations: "How often a cycle may go round.", max_state_bytes: "How large its state may grow.",
};
const NODE: Record<string, string> = {
  id: "Its name in expressions and edges.", type: "What it does.", name: "What people see.", config: "What its type needs.", timeout: "Seconds for each attempt.",
  retry: "How often a failure is tried again.", on_error: "stop, continue or retry.", set: "Variables that it writes.",
};
const EDGE: Record<string, string> = { source: "The node before.", target: "The node after.", when: "With which result it is taken." };
const RETRY = ["max_attempts", "initial_interval", "backoff_factor", "max_interval", "jitter"];

/** The names that a property could have at `keys`. */
export function namesAt(keys: readonly Key[], document: Json, types: readonly NodeType[]): Suggestion[] {
  const [part, index, section, ...rest] = keys;
  if (part === undefined) return told(TOP);
  if (part === "edges" && keys.length === 2) return told(EDGE);
  if (part !== "nodes" && part !== "steps") return [];
  if (keys.length === 2) return told(NODE);
  if (section === "retry" && rest.length === 0) return RETRY.map((value) => ({ value }));
  return section === "config" ? inSchema(schemaAt(typeAt(document, part, index, types), rest)) : [];
}

/** The values that could stand at `keys`. */
export function valuesAt(keys: readonly Key[], document: Json, types: readonly NodeType[]): Suggestion[] {
  const [part, index, section, ...rest] = keys;
  if (part === "edges" && (section === "source" || section === "target")) return nodeIds(document).map((value) => ({ value }));
  if (part === "edges" && section === "when") return [true, false, "else", "error", "timeout"].map((value) => ({ value }));
  if (part !== "nodes" && part !== "steps") return [];
  if (section === "type") return types.map(({ type, title, description }) => ({ value: type, detail: title, info: description }));
  if (section === "on_error") return ["stop", "continue", "retry"].map((value) => ({ value }));
  return section === "config" ? choices(schemaAt(typeAt(document, part, index, types), rest)) : [];
}

/** What can follow `outputs.` and `input.` in an expression. */
export function namesIn(scope: string, document: Json): string[] {
  if (scope === "outputs") return nodeIds(document);
  if (scope === "run") return ["id", "workflow_id", "version", "project_id", "started_at"];
  const schema = isObject(document) ? document["input_schema"] : null;
  return scope === "input" && isObject(schema) && isObject(schema["properties"]) ? Object.keys(schema["properties"]) : [];
}

/** The ids of the definition's nodes, in the order of the file. */
export function nodeIds(document: Json): string[] {
  if (!isObject(document)) return [];
  return asSchemas(document["nodes"] ?? document["steps"]).flatMap(({ id }) => (typeof id === "string" ? [id] : []));
}

const told = (names: Record<string, string>): Suggestion[] => Object.entries(names).map(([value, info]) => ({ value, info }));

function typeAt(document: Json, part: string, index: Key | undefined, types: readonly NodeType[]): Schema | null {
  const nodes = isObject(document) ? document[part] : null;
  const node = Array.isArray(nodes) && typeof index === "number" ? nodes[index] : null;
  return types.find(({ type }) => isObject(node ?? null) && (node as Schema)["type"] === type)?.config_schema ?? null;
}

function schemaAt(root: Schema | null, keys: readonly Key[]): Schema[] {
  if (root === null) return [];
  let found = alternatives(root, root);
  for (const key of keys) found = found.flatMap((schema) => inner(schema, key)).flatMap((schema) => alternatives(schema, root));
  return found.map((schema) => ({ ...schema, $defs: root["$defs"] ?? null }));
}

function inner(schema: Schema, key: Key): Schema[] {
  const properties = schema["properties"];
  const next = typeof key === "number" ? schema["items"] : isObject(properties) ? (properties[key] ?? schema["additionalProperties"]) : schema["additionalProperties"];
  return isObject(next) ? [next] : [];
}

function alternatives(schema: Schema, root: Schema): Schema[] {
  const found = resolve(schema, root);
  const parts = asSchemas(found["anyOf"] ?? found["oneOf"]);
  return parts.length === 0 ? [found] : parts.map((part) => resolve(part, root));
}

function inSchema(schemas: readonly Schema[]): Suggestion[] {
  return schemas.flatMap(({ properties, required }) =>
    Object.entries(isObject(properties) ? properties : {}).map(([value, schema]) => ({
      value,
      ...(Array.isArray(required) && required.includes(value) && { detail: "required" }),
      ...(isObject(schema) && typeof schema["description"] === "string" && { info: schema["description"] }),
    })),
  );
}

function choices(schemas: readonly Schema[]): Suggestion[] {
  return schemas.flatMap((schema) => {
    if (Array.isArray(schema["enum"])) return schema["enum"].map((value) => ({ value }));
    if (schema["const"] !== undefined) return [{ value: schema["const"] }];
    return schema["type"] === "boolean" ? [{ value: true }, { value: false }] : [];
  });
}
