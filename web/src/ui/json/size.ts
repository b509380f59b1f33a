/** How large a value is as text decides how it is shown: as a tree, as plain text, or as a file. */
import type { Json } from "../../api/types";

export const TREE_CHARACTERS = 100_000;
export const TEXT_CHARACTERS = 2_000_000;

export type Showing = "tree" | "text" | "file";

/** How a value is shown whose indented text has so many characters. */
export function showing(characters: number): Showing {
  if (characters > TEXT_CHARACTERS) return "file";
  return characters > TREE_CHARACTERS ? "text" : "tree";
}

/** The value as indented JSON. */
export function written(value: Json): string {
  return JSON.stringify(value, null, 2);
}
