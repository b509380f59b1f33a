/** Keys that act without a focus on anything. They stay silent while somebody types, or while a dialog is open. */
import { useEffect, useRef } from "react";

/** By key as `KeyboardEvent.key` has it, after `Mod+` (Ctrl, or Cmd on a Mac) or `Shift+` where those are held. */
export type Shortcuts = Readonly<Record<string, (event: KeyboardEvent) => void>>;

const TYPING = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true], .cm-editor";

/** The name of what was pressed, as `Shortcuts` has it. */
export function nameOf(event: KeyboardEvent): string {
  const letter = event.key.length === 1 && /[a-z]/i.test(event.key);
  const key = letter ? event.key.toUpperCase() : event.key;
  const modifier = event.ctrlKey || event.metaKey ? "Mod+" : "";
  return modifier + (event.shiftKey && (letter || event.key.length > 1) ? "Shift+" : "") + key;
}

/** Have `shortcuts` while the component is there. */
export function useShortcuts(shortcuts: Shortcuts): void {
  const current = useRef(shortcuts);
  useEffect(() => {
    current.current = shortcuts;
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.altKey || event.isComposing) return;
      const name = nameOf(event);
      const act = current.current[name];
      if (act === undefined) return;
      const typing = event.target instanceof Element && event.target.closest(TYPING) !== null;
      if (!name.startsWith("Mod+") && (typing || document.querySelector("dialog[open]") !== null)) return;
      event.preventDefault();
      act(event);
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
}
