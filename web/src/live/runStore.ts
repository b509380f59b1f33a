/** Everything that a page knows of one run: its log, and the view that the reducer makes of it. Changes are told once a frame. */
import { ApiError } from "../api/client";
import type { RunEvent, Status } from "../api/types";
import { applyAll, isOver, reconciled } from "../model/apply";
import { Past } from "../model/past";
import type { NodeView, RunView } from "../model/run";
import { doubted, emptyView, type RunState } from "../model/state";
import type { LineState, World } from "./line";
import { RunSocket } from "./socket";
import { StatusReads } from "./statusReads";
import type { Connection, RunStore } from "./store";

export interface Source {
  /** The socket's address for events after a number. */
  url(after: number): string;
  status(signal: AbortSignal): Promise<Status>;
  /** Tells when the run changes though its own socket has ended; gives the way to stop that. */
  watch(changed: () => void): () => void;
  signedOut(): void;
}

/** What lies behind is shown in steps of so many milliseconds while more than so many events are still to come. */
const CATCHING_UP = { pace: 200, events: 1_000 } as const;
/** After a stop it takes the server a moment to know whose code still executes. */
const STOPPED = 300;

export class LiveRun implements RunStore {
  private state: RunState;
  private log: RunEvent[] = [];
  private past: Past;
  private shownLog: { items: readonly RunEvent[]; version: number };
  private fresh: RunEvent[] = [];
  private line: Connection = "connecting";
  private refusal: ApiError | null = null;
  private cancelFrame: (() => void) | null = null;
  private cancelStep: (() => void) | null = null;
  private goal = 0;
  private stopWatching: (() => void) | null = null;
  private readonly listeners = new Set<() => void>();
  private readonly nodeListeners = new Map<string, Set<() => void>>();
  private readonly eventListeners = new Set<(event: RunEvent) => void>();
  private readonly touched = new Set<string>();
  private readonly socket: RunSocket;
  private readonly reads: StatusReads;

  constructor(
    private readonly runId: string, private readonly source: Source, private readonly world: World,
    private readonly frame: (call: () => void) => () => void,
  ) {
    this.state = emptyView(runId);
    this.past = new Past(runId, this.log);
    this.shownLog = { items: this.log, version: 0 };
    this.reads = new StatusReads((signal) => source.status(signal), (status) => this.learn(status), (error) => this.refuse(error), world);
    this.socket = new RunSocket((after) => source.url(after), {
      greeted: (lastSeq) => { this.goal = lastSeq; },
      events: (events) => this.receive(events),
      anew: () => this.forget(),
      ended: () => this.ended(),
      refused: (code, reason) => this.refused(code, reason),
      state: (state) => this.connected(state),
    }, world);
  }

  /** Begins to follow the run, or goes on after `stop`. */
  start(): void {
    this.reads.ask(0);
    this.socket.open();
  }

  stop(): void {
    this.cancelFrame?.();
    this.cancelFrame = null;
    this.endStep();
    this.stopWatching?.();
    this.stopWatching = null;
    this.reads.stop();
    this.socket.close();
  }

  /** Follows a run again whose socket has ended: somebody retries it. */
  reopen(): void {
    this.stopWatching?.();
    this.stopWatching = null;
    if (this.refusal !== null) return;
    this.reads.ask(0);
    this.socket.open();
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  subscribeNode(nodeId: string, listener: () => void): () => void {
    const listeners = this.nodeListeners.get(nodeId) ?? new Set();
    this.nodeListeners.set(nodeId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.nodeListeners.get(nodeId) === listeners) this.nodeListeners.delete(nodeId);
    };
  }

  /** Be called with each new event, before anything else is told of it. */
  subscribeEvents(listener: (event: RunEvent) => void): () => void {
    this.eventListeners.add(listener);
    return () => this.eventListeners.delete(listener);
  }

  view(): RunView {
    return this.state;
  }

  node(nodeId: string): NodeView | undefined {
    return this.state.nodes.get(nodeId);
  }

  events(): { readonly items: readonly RunEvent[]; readonly version: number } {
    return this.shownLog;
  }

  connection(): Connection {
    return this.line;
  }

  problem(): ApiError | null {
    return this.refusal;
  }

  /** Whether anything is known yet. */
  known(): boolean {
    return this.state.statusSeq >= 0 || this.log.length > 0;
  }

  viewAt(checkpointId: string): RunView | null {
    return this.past.at(checkpointId, this.state.nodes);
  }

  /** What a command was told: nodes whose code still executes. */
  stillRunning(nodes: readonly string[]): void {
    this.state = { ...this.state, stillRunning: nodes };
    this.schedule();
  }

  private receive(events: readonly RunEvent[]): void {
    for (const event of events) this.fresh.push(event);
    const behind = this.goal - (events.at(-1)?.seq ?? this.goal);
    if (behind < CATCHING_UP.events) this.schedule();
    else this.cancelStep ??= this.world.later(() => this.schedule(), CATCHING_UP.pace);
  }

  private schedule(): void {
    this.cancelFrame ??= this.frame(() => this.flush());
  }

  private endStep(): void {
    this.cancelStep?.();
    this.cancelStep = null;
  }

  private flush(): void {
    this.cancelFrame = null;
    this.endStep();
    const fresh = this.fresh;
    this.fresh = [];
    if (fresh.length > 0) this.take(fresh);
    this.tell();
    // A failed run goes on when somebody retries it.
    if (this.line === "ended" && this.state.status === "FAILED") this.stopWatching ??= this.source.watch(() => this.reopen());
  }

  private take(fresh: readonly RunEvent[]): void {
    for (const event of fresh) this.log.push(event);
    this.shownLog = { items: this.log, version: this.shownLog.version + 1 };
    const { state, touched } = applyAll(this.state, fresh);
    this.state = state;
    for (const id of touched) this.touched.add(id);
    if (doubted(state)) this.reads.ask(isOver(state) || state.status === "PAUSED" ? STOPPED : undefined);
    for (const event of fresh) for (const listener of this.eventListeners) listener(event);
  }

  private learn(status: Status): void {
    if (status.last_seq < this.state.statusSeq) return;
    // What has come since is applied to it again; what has come and is not shown yet comes with the next frame.
    const { state, touched } = reconciled(this.state, status, this.log.slice(status.last_seq));
    this.state = state;
    for (const id of touched) this.touched.add(id);
    if (doubted(state)) this.reads.ask();
    this.schedule();
  }

  private tell(): void {
    for (const id of this.touched) for (const listener of this.nodeListeners.get(id) ?? []) listener();
    this.touched.clear();
    for (const listener of this.listeners) listener();
  }

  private forget(): void {
    this.log = [];
    this.past = new Past(this.runId, this.log);
    this.fresh = [];
    this.shownLog = { items: this.log, version: this.shownLog.version + 1 };
    for (const id of this.state.nodes.keys()) this.touched.add(id);
    this.state = emptyView(this.runId);
    this.reads.stop();
    this.reads.ask(0);
    this.schedule();
  }

  private connected(state: LineState): void {
    if (state === "closed") return;
    const line: Connection = state === "up" ? "live" : state === "silent" ? "stale" : state;
    this.enter(line === "down" && this.line === "stale" ? "stale" : line);
  }

  private ended(): void {
    this.enter("ended");
    this.schedule();
  }

  private enter(line: Connection): void {
    if (line === this.line) return;
    this.line = line;
    this.schedule();
  }

  private refused(code: number, reason: string): void {
    if (code === 4401) this.source.signedOut();
    const titles: Record<number, string> = { 4401: "Signed out", 4403: "Not allowed", 4404: "There is no such run" };
    const title = titles[code] ?? "The server refuses the connection";
    this.refuse(new ApiError({ type: "about:blank", title, status: code - 4000, code: `closed_${code}`, detail: reason || title }));
  }

  private refuse(error: ApiError): void {
    this.refusal = error;
    this.reads.stop();
    this.socket.close();
    this.enter("ended");
    this.schedule();
  }
}
