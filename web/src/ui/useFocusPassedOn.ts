import { type RefObject, useLayoutEffect } from "react";

/**
 * As an element goes away with the focus in it, what `to` selects has the focus, or the page: it is not lost, and Tab goes on from there.
 */
export function useFocusPassedOn(element: RefObject<HTMLElement | null>, to?: string): void {
  useLayoutEffect(() => {
    const leaving = element.current;
    return () => {
      if (!leaving?.contains(document.activeElement)) return;
      const next = to === undefined ? null : document.querySelector<HTMLElement>(to);
      (next ?? document.getElementById("main"))?.focus({ preventScroll: true });
    };
  }, [element, to]);
}
