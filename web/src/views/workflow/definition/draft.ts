/** A definition while it is edited. It outlives a change of tabs; leaving the page asks first. */
import { useBlocker } from "@tanstack/react-router";
import { useState } from "react";
import type { JsonObject, Workflow } from "../../../api/types";
import { pretty } from "../../../editor/pretty";
import { isObject } from "../../../ui/form/resolve";

export interface Draft {
  text: string;
  setText: (text: string) => void;
  /** The stored text that it began as. */
  stored: string;
  changed: boolean;
  /** Begin again from what is stored. */
  discard: () => void;
}

export function useDraft(workflow: Workflow): Draft {
  const stored = pretty(workflow.definition);
  const [edited, setEdited] = useState<string | null>(null);
  return { text: edited ?? stored, setText: setEdited, stored, changed: edited !== null && edited !== stored, discard: () => setEdited(null) };
}

/** Asks before a changed draft is left: another page, or another version in its place. */
export function useGuard(changed: boolean) {
  return useBlocker({
    shouldBlockFn: ({ current, next }) => {
      const version = (search: object): unknown => ("version" in search ? search.version : undefined);
      return changed && (current.pathname !== next.pathname || version(current.search) !== version(next.search));
    },
    enableBeforeUnload: () => changed,
    withResolver: true,
  });
}

/** The definition that a text is, or why it is none. */
export function definitionIn(text: string): { definition: JsonObject } | { problem: string } {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? { definition: value } : { problem: "A definition is a JSON object." };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}
