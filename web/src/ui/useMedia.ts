import { useSyncExternalStore } from "react";

const asked = new Map<string, MediaQueryList>();

/** One list a query: whether it holds is looked at with every render. */
function listOf(query: string): MediaQueryList {
  const known = asked.get(query) ?? window.matchMedia(query);
  asked.set(query, known);
  return known;
}

/** Whether a media query holds, and again when that changes. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const media = listOf(query);
      media.addEventListener("change", changed);
      return () => media.removeEventListener("change", changed);
    },
    () => listOf(query).matches,
  );
}
