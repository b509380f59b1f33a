/** A definition's graph as its author writes it, and which of its nodes have problems. */
import type { Graph, GraphEdge, JsonObject } from "../../../api/types";
import type { Marked } from "../../../editor/Editor";
import { keysOf } from "../../../ui/form/path";
import { asSchemas } from "../../../ui/form/resolve";

const LARGEST = 300;

/** The nodes in `wrong` carry a sign. null where there is nothing to draw, or too much to draw while somebody types. */
export function graphOf(definition: JsonObject, wrong: ReadonlySet<string> = new Set()): Graph | null {
  const steps = asSchemas(definition["steps"]);
  const nodes = steps.length > 0 ? steps : asSchemas(definition["nodes"]);
  const ids = new Set(nodes.flatMap(({ id }) => (typeof id === "string" && id !== "" ? [id] : [])));
  if (ids.size !== nodes.length || ids.size === 0 || ids.size > LARGEST) return null;
  const word = (value: unknown): string => (typeof value === "string" ? value : "");
  return {
    workflow_id: "draft", version: 0,
    nodes: nodes.map(({ id, type, name }) => ({ id: word(id), type: word(type), name: `${wrong.has(word(id)) ? "⚠ " : ""}${word(name) || word(id)}` })),
    edges: (steps.length > 0 ? sequence(steps) : edgesOf(definition)).filter(({ source, target }) => ids.has(source) && ids.has(target)),
  };
}

function edgesOf(definition: JsonObject): GraphEdge[] {
  return asSchemas(definition["edges"]).flatMap(({ source, target, when }) =>
    typeof source === "string" && typeof target === "string"
      ? [{ source, target, back: false, ...(when !== undefined && { when }) }]
      : [],
  );
}

function sequence(steps: readonly JsonObject[]): GraphEdge[] {
  return steps.slice(1).map(({ id }, before) => ({ source: String(steps[before]?.["id"]), target: String(id), back: false }));
}

/** The place of each node in the text, by its id. */
export function pathsOf(definition: JsonObject): ReadonlyMap<string, string> {
  const part = asSchemas(definition["steps"]).length > 0 ? "steps" : "nodes";
  return new Map(asSchemas(definition[part]).flatMap(({ id }, index) => (typeof id === "string" ? [[id, `${part}[${index}]`] as const] : [])));
}

/** The ids of the nodes that have errors. */
export function wrongIn(definition: JsonObject, problems: readonly Marked[]): ReadonlySet<string> {
  const errors = problems.filter(({ severity }) => severity === "error");
  return new Set([...pathsOf(definition)].filter(([, path]) => errors.some((problem) => within(problem.path, path))).map(([id]) => id));
}

function within(path: string, around: string): boolean {
  const [inner, outer] = [keysOf(path), keysOf(around)];
  return outer.every((key, at) => inner[at] === key);
}
