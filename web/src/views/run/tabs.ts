/** The views of a run that can be switched between. */
import type { RunTab } from "./selection";

interface Tab {
  id: RunTab;
  label: string;
}

const TABS: readonly Tab[] = [{ id: "graph", label: "Graph" }, { id: "timeline", label: "Timeline" }, { id: "list", label: "List" }];
const LOG: Tab = { id: "log", label: "Events" };

/** The media query of windows whose panes do not stand side by side. */
export const NARROW = "(max-width: 60rem)";

/** Narrow windows have the log as a tab; others below. */
export function tabsOf(narrow: boolean): readonly Tab[] {
  return narrow ? [...TABS, LOG] : TABS;
}

/** Which tab is shown: only narrow windows have the log as one. */
export function shownTab(tab: RunTab | undefined, narrow: boolean): RunTab {
  return tabsOf(narrow).find((each) => each.id === tab)?.id ?? (narrow ? "list" : "graph");
}
