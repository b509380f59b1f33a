/** The list's lines: nodes, and under an open fan-out its items, as far as they were read. */
import type { Item, ItemsRead } from "../executions";
import type { Row } from "./rows";

export type Entry =
  | { readonly kind: "node"; readonly row: Row; readonly expands: boolean }
  | { readonly kind: "item"; readonly item: Item; readonly depth: number }
  | { readonly kind: "more"; readonly nodeId: string; readonly depth: number; readonly loading: boolean };

/** Whether a node's single items can be read. */
export function hasItems(row: Row): boolean {
  return row.type === "map" || row.view?.items != null;
}

/** `read` has the items of open fan-outs; one that is missing is being read. */
export function entriesOf(rows: readonly Row[], read: ReadonlyMap<string, ItemsRead | undefined>): Entry[] {
  const entries: Entry[] = [];
  for (const row of rows) {
    const fan = hasItems(row);
    entries.push({ kind: "node", row, expands: row.parent || fan });
    if (!fan || !row.open) continue;
    const found = read.get(row.id);
    for (const item of found?.items ?? []) entries.push({ kind: "item", item, depth: row.depth + 1 });
    if (found === undefined || found.more) entries.push({ kind: "more", nodeId: row.id, depth: row.depth + 1, loading: found === undefined });
  }
  return entries;
}
