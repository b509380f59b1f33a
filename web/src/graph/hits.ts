/** Which box is at a point, for pointers over a canvas: boxes by the squares of a grid that they touch. */
import type { Box } from "./layout";

const CELL = 320;

export type Hits = ReadonlyMap<string, readonly Box[]>;

/** Boxes that stand later lie on top. */
export function hitsOf(boxes: readonly Box[]): Hits {
  const cells = new Map<string, Box[]>();
  for (const box of boxes) {
    for (let x = Math.floor(box.x / CELL); x <= Math.floor((box.x + box.width) / CELL); x += 1) {
      for (let y = Math.floor(box.y / CELL); y <= Math.floor((box.y + box.height) / CELL); y += 1) {
        const cell = cells.get(`${x} ${y}`);
        if (cell === undefined) cells.set(`${x} ${y}`, [box]);
        else cell.push(box);
      }
    }
  }
  return cells;
}

/** The topmost box at a point of the layout. */
export function boxAt(hits: Hits, x: number, y: number): Box | null {
  const cell = hits.get(`${Math.floor(x / CELL)} ${Math.floor(y / CELL)}`) ?? [];
  return cell.findLast((box) => x >= box.x && y >= box.y && x <= box.x + box.width && y <= box.y + box.height) ?? null;
}
