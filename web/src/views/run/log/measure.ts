/** Heights of the log's rows in pixels, known without measuring them. */
import { detailText } from "./LogRow";
import type { RunEvent } from "../../../api/types";

const LINES_SHOWN = 14;

export interface Heights {
  readonly line: number;
  /** Of an opened row's data. */
  detail(event: RunEvent, joined: string | null): number;
}

/** Heights for letters of `rem` pixels; on narrow screens a row has two lines. */
export function heights(rem: number, narrow: boolean): Heights {
  return {
    line: Math.round(rem * (narrow ? 2.75 : 1.75)),
    detail: (event, joined) => {
      const text = detailText(event, joined);
      const lines = joined === null ? text.split("\n").length : 2 + Math.ceil(text.length / (narrow ? 40 : 100));
      return Math.round(rem * (1.25 * Math.min(LINES_SHOWN, lines) + 1));
    },
  };
}
