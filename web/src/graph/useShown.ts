/** Which boxes of a large graph are elements: those in the pane and a little around it, once the zoom lets one read them. */
import { useEffect, useState } from "react";
import type { Camera } from "./camera";
import type { Box } from "./layout";
import { overlap } from "./routes";

/** Up to this many boxes, all of them are elements. */
export const LARGE = 120;
/** From this zoom on, the boxes of a large graph are elements. */
export const CARDS_FROM = 0.7;
const AROUND = 120;

const NONE: readonly Box[] = [];

export interface Shown {
  readonly boxes: readonly Box[];
  readonly cards: boolean;
}

/** Of all boxes, in the order in which they are read. */
export function useShown(camera: Camera, all: readonly Box[]): Shown {
  const large = all.length > LARGE;
  const [shown, setShown] = useState<Shown>({ boxes: NONE, cards: false });
  useEffect(() => {
    if (!large) return;
    const look = () => {
      const cards = camera.view.zoom >= CARDS_FROM;
      const seen = camera.seen(AROUND);
      const boxes = cards ? all.filter((box) => overlap(box, seen)) : NONE;
      setShown((before) => (before.cards === cards && same(before.boxes, boxes) ? before : { boxes, cards }));
    };
    look();
    return camera.subscribe(look);
  }, [camera, all, large]);
  return large ? shown : { boxes: all, cards: true };
}

function same(one: readonly Box[], other: readonly Box[]): boolean {
  return one.length === other.length && one.every((box, at) => box === other[at]);
}
