/** What panes read of the run that they are in (RunProvider). */
import { useContext, useMemo, useSyncExternalStore } from "react";
import type { ApiError } from "../api/client";
import type { RunEvent } from "../api/types";
import type { NodeView, RunView } from "../model/run";
import type { Commands } from "./commands";
import { ShownRun, type Shown } from "./context";
import type { Connection } from "./store";

/** Nodes by id, each with its own listeners. */
export interface NodeSource {
  node(id: string): NodeView | undefined;
  subscribe(id: string, listener: () => void): () => void;
}

function useShown(): Shown {
  const shown = useContext(ShownRun);
  if (shown === null) throw new Error("there is no RunProvider around this");
  return shown;
}

function useStore<Value>(read: (shown: Shown) => Value): Value {
  const shown = useShown();
  const { store } = shown;
  const subscribe = useMemo(() => (listener: () => void) => store.subscribe(listener), [store]);
  return useSyncExternalStore(subscribe, () => read(shown));
}

/** The run as of the checkpoint that is looked at; null while its event has not come, or where there is none. */
const then = ({ store, past }: Shown): RunView | null => (past === null ? null : store.viewAt(past));

/** The run: live, or as of the checkpoint that is looked at. Renders with every change; for one node there is `useNode`. */
export function useRunView(): RunView {
  return useStore((shown) => then(shown) ?? shown.store.view());
}

/** What is selected of the run as it is now, whatever checkpoint is looked at. Renders only when that is another value or object. */
export function useLive<Value>(select: (view: RunView) => Value): Value {
  return useStore(({ store }) => select(store.view()));
}

interface RunReader {
  /** The run as it is now. */
  live(): RunView;
  /** The same, or as of the checkpoint that is looked at. */
  shown(): RunView;
}

/** Reads the run when it is asked; renders with nothing. */
export function useRunReader(): RunReader {
  const shown = useShown();
  return useMemo(() => ({ live: () => shown.store.view(), shown: () => then(shown) ?? shown.store.view() }), [shown]);
}

/** Which checkpoint is looked at, and whether the log tells of it: if not, `useRunView` is live. */
export function usePast(): { checkpointId: string | null; found: boolean } {
  const { past } = useShown();
  const found = useStore((shown) => then(shown) !== null);
  return { checkpointId: past, found };
}

/** One node; renders only when this node changes. */
export function useNode(id: string): NodeView | undefined {
  const source = useNodeSource();
  const subscribe = useMemo(() => (listener: () => void) => source.subscribe(id, listener), [source, id]);
  return useSyncExternalStore(subscribe, () => source.node(id));
}

/** All nodes, for panes that keep many of them. It is another object when another checkpoint is looked at. */
export function useNodeSource(): NodeSource {
  const shown = useShown();
  const stood = useStore(then);
  return useMemo(() => {
    if (stood !== null) return { node: (id: string) => stood.nodes.get(id), subscribe: () => () => undefined };
    const { store } = shown;
    return { node: (id: string) => store.node(id), subscribe: (id: string, listener: () => void) => store.subscribeNode(id, listener) };
  }, [shown, stood]);
}

/** Every event so far, in order. `items` grows in place; `version` tells that it has. */
export function useEvents(): { readonly items: readonly RunEvent[]; readonly version: number } {
  return useStore(({ store }) => store.events());
}

export function useConnection(): Connection {
  return useStore(({ store }) => store.connection());
}

/** Why the server does not serve this run any more. */
export function useProblem(): ApiError | null {
  return useStore(({ store }) => store.problem());
}

/** The commands on this run. */
export function useCommands(): Commands {
  const { commander } = useShown();
  const subscribe = useMemo(() => (listener: () => void) => commander.subscribe(listener), [commander]);
  const standing = useSyncExternalStore(subscribe, () => commander.now());
  return useMemo(() => ({ ...commander.actions, ...standing }), [commander, standing]);
}
