/** A definition while it is edited. It outlives a change of tabs; leaving the page asks first. */
import { useBlocker } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import type { JsonObject, Workflow } from "../../../api/types";
import { pretty } from "../../../editor/pretty";
import { isObject } from "../../../ui/form/resolve";

export interface Draft {
  text: string;
  setText: (text: string) => void;
  /** The workflow as it was when the editing began: what is saved is saved upon it, whoever stored another version meanwhile. */
  base: Workflow;
  changed: boolean;
  /** Begin again from what is stored. */
  discard: () => void;
}

export function useDraft(workflow: Workflow): Draft {
  const [edited, setEdited] = useState<{ text: string; base: Workflow } | null>(null);
  const base = edited?.base ?? workflow;
  const stored = useMemo(() => pretty(base.definition), [base]);
  const text = edited?.text ?? stored;
  const setText = useCallback((next: string) => setEdited((before) => ({ text: next, base: before?.base ?? workflow })), [workflow]);
  return { text, setText, base, changed: text !== stored, discard: () => setEdited(null) };
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
