import { type RefObject, useLayoutEffect } from "react";

/** As an element goes away with the focus in it, the page has the focus: it is not lost, and Tab goes on from there. */
export function useFocusPassedOn(element: RefObject<HTMLElement | null>): void {
  useLayoutEffect(() => {
    const leaving = element.current;
    return () => {
      if (leaving?.contains(document.activeElement)) document.getElementById("main")?.focus();
    };
  }, [element]);
}
