import type { JsonObject } from "../../api/types";
import { isObject } from "../../ui/form/resolve";

/** What a definition says of a node; null of nodes that it does not have. */
export function nodeOf(definition: JsonObject, id: string): JsonObject | null {
  const nodes = definition["nodes"] ?? definition["steps"];
  return (Array.isArray(nodes) ? nodes.filter(isObject) : []).find((each) => each["id"] === id) ?? null;
}
