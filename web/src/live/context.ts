import { createContext } from "react";
import type { Commander } from "./commands";
import type { LiveRun } from "./runStore";

/** The run that a page shows. */
export interface Shown {
  readonly store: LiveRun;
  readonly commander: Commander;
  /** The checkpoint as of which it is shown. */
  readonly past: string | null;
}

export const ShownRun = createContext<Shown | null>(null);
