import { keysOf } from "../../../ui/form/path";
import { isObject } from "../../../ui/form/resolve";

/** A path with the node's id in place of its number: `fetch · config.url`. */
export function placeName(path: string, definition: Record<string, unknown>): string {
  const [part, index] = keysOf(path);
  const nodes = part === "nodes" || part === "steps" ? definition[part] : undefined;
  const node: unknown = Array.isArray(nodes) && typeof index === "number" ? nodes[index] : undefined;
  const id = isObject(node) ? node["id"] : undefined;
  if (typeof id !== "string") return path === "" ? "Definition" : path;
  const rest = path.slice(`${part}[${index}]`.length).replace(/^\./, "");
  return rest === "" ? id : `${id} · ${rest}`;
}
