/** Commands on a run: asked over REST, *requested* until an event of the run says that it is done. */
import { ApiError, call } from "../api/client";
import { runPath } from "../api/queries";
import type { Json, JsonObject, RunEvent } from "../api/types";
import type { LiveRun } from "./runStore";

export type CommandName = "pause" | "resume" | "cancel" | "retry" | "execute" | "answer";

export interface ResumeOptions {
  /** An earlier checkpoint to go back to. */
  checkpointId?: string;
  /** Merged into the state before the run goes on. */
  state?: JsonObject;
}

/** Each gives whether the server took it. */
export interface Commands {
  pause(mode: "step" | "now"): Promise<boolean>;
  resume(options?: ResumeOptions): Promise<boolean>;
  cancel(): Promise<boolean>;
  retry(): Promise<boolean>;
  execute(): Promise<boolean>;
  /** Answers by the question's id. */
  answer(answers: Record<string, Json>): Promise<boolean>;
  /** What was asked for and is not done yet. */
  readonly requested: CommandName | null;
  /** Why the last one was refused. */
  readonly failure: ApiError | null;
  dismiss(): void;
}

const ENDS = ["run.completed", "run.failed", "run.cancelled"];
const GOES_ON = ["run.queued", "run.started", "run.resumed"];
const DONE: Record<CommandName, readonly string[]> = {
  pause: ["run.paused", "run.resumed", ...ENDS],
  resume: [...GOES_ON, ...ENDS],
  cancel: ENDS,
  retry: GOES_ON,
  execute: GOES_ON,
  answer: ["run.resumed", ...ENDS],
};

export interface Standing {
  readonly requested: CommandName | null;
  readonly failure: ApiError | null;
}

/** Asks for commands and waits for their events; one for all panes of a page. */
export class Commander {
  private standing: Standing = { requested: null, failure: null };
  private readonly listeners = new Set<() => void>();

  constructor(private readonly projectId: string, private readonly runId: string, private readonly store: LiveRun) {
    store.subscribeEvents((event) => this.note(event));
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  now(): Standing {
    return this.standing;
  }

  readonly actions: Omit<Commands, "requested" | "failure"> = {
    // The answer does not wait for the step's end: the event tells of it.
    pause: (mode) => this.ask("pause", { mode, ...(mode === "step" ? { wait_seconds: 0 } : {}) }),
    resume: (options = {}) => this.ask("resume", {
      ...(options.checkpointId === undefined ? {} : { checkpoint_id: options.checkpointId }),
      ...(options.state === undefined ? {} : { state: options.state }),
    }),
    cancel: () => this.ask("cancel"),
    retry: () => this.ask("retry"),
    execute: () => this.ask("execute", {}),
    answer: (answers) => this.ask("answer", { answers }),
    dismiss: () => this.become({ ...this.standing, failure: null }),
  };

  private async ask(name: CommandName, body?: JsonObject): Promise<boolean> {
    this.become({ requested: name, failure: null });
    const path = `${runPath(this.projectId, this.runId)}/${name === "answer" ? "resume" : name}`;
    try {
      const answer = await call<JsonObject>(path, { method: "POST", ...(body === undefined ? {} : { body }) });
      this.answered(name, answer);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.become({ requested: null, failure: error });
      return false;
    }
  }

  private answered(name: CommandName, answer: JsonObject): void {
    const still = answer["still_running"];
    const last = this.store.events().items.at(-1);
    if (Array.isArray(still) && still.length > 0 && last?.type !== "run.stopped") this.store.stillRunning(still.map(String));
    if (name === "retry") this.store.reopen();
  }

  private note(event: RunEvent): void {
    const { requested } = this.standing;
    if (requested !== null && DONE[requested].includes(event.type)) this.become({ ...this.standing, requested: null });
  }

  private become(standing: Standing): void {
    this.standing = standing;
    for (const listener of this.listeners) listener();
  }
}
