/** A working copy of a run's state: what a batch of events changes is copied once, what it does not change is shared. */
import type { CheckpointMark, NodeView, Segment } from "./run";
import { around, blankNode, type RunState } from "./state";

type Mutable<Of> = { -readonly [Key in keyof Of]: Of[Key] };
type Changed = Partial<Pick<RunState, Exclude<keyof RunState, "nodes" | "segments" | "checkpoints" | "open" | "settled" | "holders">>>;

export class Draft {
  /** Nodes that have changed. */
  readonly touched = new Set<string>();
  private readonly state: Mutable<RunState>;
  private nodes: Map<string, NodeView> | null = null;
  private segments: Segment[] | null = null;
  private marks: CheckpointMark[] | null = null;
  private open: Map<string, number> | null = null;

  constructor(before: RunState) {
    this.state = { ...before };
  }

  /** The run as it is so far; not to be kept. */
  get run(): Readonly<RunState> {
    return this.state;
  }

  set(changes: Changed): void {
    Object.assign(this.state, changes);
  }

  settle(ids: ReadonlySet<string>): void {
    this.state.settled = ids;
  }

  /** A node to change. */
  node(id: string): Mutable<NodeView> {
    this.nodes ??= new Map(this.state.nodes);
    this.state.nodes = this.nodes;
    const known = this.nodes.get(id);
    if (known !== undefined && this.touched.has(id)) return known;
    if (known === undefined && id.includes("/")) this.state.holders = new Set([...this.state.holders, ...around(id)]);
    const copy = { ...(known ?? blankNode(id)) };
    this.nodes.set(id, copy);
    this.touched.add(id);
    return copy;
  }

  mark(checkpoint: CheckpointMark): void {
    this.marks ??= [...this.state.checkpoints];
    this.marks.push(checkpoint);
    this.state.checkpoints = this.marks;
  }

  /** The open segment of an execution, or of the run (`""`). */
  segment(key: string): Segment | undefined {
    const index = this.state.open.get(key);
    return index === undefined ? undefined : this.state.segments[index];
  }

  begin(key: string, segment: Segment): void {
    this.opened().set(key, this.stretches().push(segment) - 1);
  }

  /** End an execution's open segment, if it has one. */
  end(key: string, at: number, status: Segment["status"]): void {
    const index = this.state.open.get(key);
    if (index === undefined) return;
    const stretches = this.stretches();
    const segment = stretches[index];
    if (segment !== undefined) {
      stretches[index] = { ...segment, start: Math.min(segment.start, at), end: at, status };
      if (segment.start > at) this.shorten(segment, index, at);
    }
    this.opened().delete(key);
  }

  /** What was to begin later never did: the wait before it, which had its end already, ended then. */
  private shorten(planned: Segment, index: number, at: number): void {
    const stretches = this.stretches();
    for (let before = index - 1; before >= 0; before -= 1) {
      const segment = stretches[before];
      if (segment?.nodeId !== planned.nodeId || segment.end !== planned.start) continue;
      stretches[before] = { ...segment, end: at };
      return;
    }
  }

  done(): RunState {
    return this.state;
  }

  private stretches(): Segment[] {
    this.segments ??= [...this.state.segments];
    this.state.segments = this.segments;
    return this.segments;
  }

  private opened(): Map<string, number> {
    this.open ??= new Map(this.state.open);
    this.state.open = this.open;
    return this.open;
  }
}
