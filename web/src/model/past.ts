/** How a run stood at one of its checkpoints, made from its events. */
import type { RunEvent } from "../api/types";
import { applyAll } from "./apply";
import { texts } from "./read";
import type { NodeView } from "./run";
import { around, blankNode, emptyView, type RunState } from "./state";

/** Events between two states that are kept, so that scrubbing does not begin at the first event each time. */
const STRIDE = 2_000;

/** Follows one run's log. The log may grow; what is in it does not change. */
export class Past {
  private readonly kept: RunState[] = [];
  private readonly found = new Map<string, RunState>();
  private readonly places = new Map<string, number>();
  private indexed = 0;
  private first: RunState;

  constructor(runId: string, private readonly log: readonly RunEvent[]) {
    this.first = emptyView(runId);
  }

  /**
   * The run as of the event that saved a checkpoint; null if the log has none (yet). The same object each time.
   * `nodes` are those that there are, as they stand now: a log tells only of what was reached, and not of what a fork was given.
   */
  at(checkpointId: string, nodes?: ReadonlyMap<string, NodeView>): RunState | null {
    const place = this.place(checkpointId);
    if (place === undefined) return null;
    if (nodes !== undefined && nodes.size !== this.first.nodes.size) this.begin(nodes);
    const known = this.found.get(checkpointId);
    if (known !== undefined) return known;
    const state = beforeNext(this.after(place + 1), this.log[place]);
    this.found.set(checkpointId, state);
    return state;
  }

  private begin(nodes: ReadonlyMap<string, NodeView>): void {
    const created = Date.parse(this.log[0]?.ts ?? "");
    const forked = this.log.slice(0, 4).some((event) => event.type === "run.forked_from");
    const given = (node: NodeView): boolean => forked && node.completedAt !== null && node.completedAt < created;
    const begins = [...nodes.values()].map((node) => [node.id, given(node) ? node : blankNode(node.id)] as const);
    this.first = { ...this.first, nodes: new Map(begins), holders: new Set([...nodes.keys()].flatMap((id) => [...around(id)])) };
    this.kept.length = 0;
    this.found.clear();
  }

  /** Where in the log a checkpoint was saved. */
  private place(checkpointId: string): number | undefined {
    for (; this.indexed < this.log.length; this.indexed += 1) {
      const event = this.log[this.indexed];
      if (event?.type === "checkpoint.saved") this.places.set(String(event.data["checkpoint_id"]), this.indexed);
    }
    return this.places.get(checkpointId);
  }

  /** The state after the first `count` events. */
  private after(count: number): RunState {
    const whole = Math.min(Math.floor(count / STRIDE), this.kept.length);
    let state = this.kept[whole - 1] ?? this.first;
    for (let from = whole * STRIDE; from < count; from += STRIDE) {
      const to = Math.min(from + STRIDE, count);
      state = this.follow(state, from, to);
      if (to === from + STRIDE) this.kept[to / STRIDE - 1] = state;
    }
    return state;
  }

  private follow(before: RunState, from: number, to: number): RunState {
    let state = before;
    let begun = from;
    for (let index = from; index < to; index += 1) {
      const event = this.log[index];
      const back = event?.type === "run.resumed" ? event.data["checkpoint_id"] : null;
      if (typeof back !== "string") continue;
      state = applyAll(state, this.log.slice(begun, index)).state;
      if (back !== state.at) state = this.travelled(state, back, index);
      begun = index;
    }
    return applyAll(state, this.log.slice(begun, to)).state;
  }

  /** A run that goes back: its nodes stand as they did then. */
  private travelled(state: RunState, checkpointId: string, before: number): RunState {
    const mark = state.checkpoints.find((each) => each.checkpointId === checkpointId && each.seq <= before);
    const then = mark === undefined ? null : this.at(checkpointId);
    return then === null ? state : { ...state, nodes: then.nodes, progress: then.progress, settled: then.settled };
  }
}

/** What comes next at a checkpoint has not begun there, though the log may tell of its start first. */
function beforeNext(state: RunState, saved: RunEvent | undefined): RunState {
  const nodes = new Map(state.nodes);
  for (const id of texts(saved?.data["next"])) {
    const node = nodes.get(id);
    if (node?.status === "RUNNING") nodes.set(id, { ...blankNode(id), iterations: node.iterations - 1 });
  }
  return { ...state, nodes };
}
