/** Where a path of a value stands in its JSON, and the other way round. Works on broken JSON as far as it can be read. */
import type { SyntaxNode, Tree } from "@lezer/common";
import type { Json, JsonObject } from "../api/types";
import { keysOf, type Key } from "../ui/form/path";

export interface Range {
  from: number;
  to: number;
}

/** Where the cursor is: the keys to it, and whether a property's name belongs there rather than a value. */
export interface Place {
  keys: Key[];
  naming: boolean;
  /** What already stands there, to be replaced. */
  word: Range | null;
}

const VALUES: ReadonlySet<string> = new Set(["Object", "Array", "String", "Number", "True", "False", "Null"]);

/** The range of the value at a path, as far as it can be followed; of an object or list its first line; `@12` is a position, `@` where it breaks. */
export function rangeOf(tree: Tree, text: string, path: string): Range {
  if (path === "@") return around(text, brokenAt(tree, text));
  if (path.startsWith("@")) return around(text, Number(path.slice(1)));
  let [node, named]: [SyntaxNode | null, SyntaxNode | null] = [valueIn(tree.topNode), null];
  for (const key of keysOf(path)) {
    if (node === null) break;
    const property: SyntaxNode | null = typeof key === "string" ? propertyOf(node, text, key) : null;
    const inner: SyntaxNode | null = typeof key === "number" ? (valuesOf(node)[key] ?? null) : property === null ? null : valueIn(property);
    if (inner === null) return firstLine(text, property ?? named ?? node);
    [node, named] = [inner, property];
  }
  return node === null ? { from: 0, to: Math.min(1, text.length) } : firstLine(text, node);
}

function brokenAt(tree: Tree, text: string): number {
  let found = text.trimEnd().length;
  tree.iterate({ enter: ({ type, from }) => { if (type.isError) found = Math.min(found, from); } });
  return found;
}

function around(text: string, position: number): Range {
  const to = Math.min(text.length, position + 1);
  return { from: Math.max(0, to - 1), to };
}

function firstLine(text: string, { from, to }: Range): Range {
  const end = text.indexOf("\n", from);
  return { from, to: end === -1 ? to : Math.max(from + 1, Math.min(to, end)) };
}

/** What the tree says at a node; null where it is broken. */
export function valueOf(node: SyntaxNode | null, text: string): Json {
  if (node === null) return null;
  if (node.name === "Array") return valuesOf(node).map((each) => valueOf(each, text));
  if (node.name === "Object") {
    const found: JsonObject = {};
    for (const property of node.getChildren("Property")) found[nameOf(property, text)] = valueOf(valueIn(property), text);
    return found;
  }
  return parsed(text.slice(node.from, node.to));
}

/** The whole document as far as it can be read. */
export function documentOf(tree: Tree, text: string): Json {
  return valueOf(valueIn(tree.topNode), text);
}

/** Where `position` is in the document. */
export function placeAt(tree: Tree, text: string, position: number): Place {
  const start = tree.resolveInner(position, -1);
  const keys: Key[] = [];
  const naming = start.name === "Object" || start.name === "PropertyName" || (start.parent?.name === "Object" && start.name !== "Property");
  if (start.name === "Property") keys.unshift(nameOf(start, text));
  if (start.name === "Array") keys.unshift(valuesOf(start).filter((each) => each.to <= position).length);
  for (let at: SyntaxNode | null = start; at !== null; at = at.parent) {
    const parent: SyntaxNode | null = at.parent;
    if (parent?.name === "Property" && at.name !== "PropertyName") keys.unshift(nameOf(parent, text));
    if (parent?.name === "Array") keys.unshift(valuesOf(parent).filter((each) => each.to <= (at as SyntaxNode).from).length);
  }
  const replaces = VALUES.has(start.name) ? start.name !== "Object" && start.name !== "Array" : start.name === "PropertyName";
  return { keys, naming, word: replaces ? { from: start.from, to: start.to } : null };
}

const valueIn = (node: SyntaxNode): SyntaxNode | null => valuesOf(node)[0] ?? null;
const nameOf = (property: SyntaxNode, text: string): string => {
  const name = property.getChild("PropertyName");
  const value = name === null ? null : parsed(text.slice(name.from, name.to));
  return typeof value === "string" ? value : "";
};

function valuesOf(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) if (VALUES.has(child.name)) found.push(child);
  return found;
}

function propertyOf(node: SyntaxNode, text: string, key: string): SyntaxNode | null {
  return node.getChildren("Property").find((property) => nameOf(property, text) === key) ?? null;
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}
