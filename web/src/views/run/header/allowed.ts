/** Which commands a run takes in which status. The server decides; this only says which buttons make sense. */
import type { RunStatus } from "../../../api/types";

export type Command = "execute" | "pause" | "resume" | "cancel" | "retry" | "rerun" | "fork";

const LIVE: readonly RunStatus[] = ["QUEUED", "RUNNING", "WAITING"];
const TAKEN: Readonly<Record<Command, readonly RunStatus[]>> = {
  execute: ["PENDING"],
  pause: LIVE,
  resume: ["PAUSED"],
  cancel: ["PENDING", "PAUSED", ...LIVE],
  retry: ["FAILED"],
  rerun: ["COMPLETED", "FAILED", "CANCELLED"],
  fork: ["RUNNING", "WAITING", "PAUSED", "COMPLETED", "FAILED", "CANCELLED"],
};

/** A pause that has not taken hold can be taken back with resume. */
export function allowed(status: RunStatus, pausing: boolean): ReadonlySet<Command> {
  const commands = (Object.keys(TAKEN) as Command[]).filter((command) => TAKEN[command].includes(status));
  return new Set(pausing && status === "RUNNING" ? [...commands, "resume" as const] : commands);
}
