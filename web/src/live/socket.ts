/** A run's events over its WebSocket: each one once, in order, without a gap, whatever becomes of the connection. */
import type { RunEvent } from "../api/types";
import { Line, type LineState, type World } from "./line";

export interface Receiver {
  /** The next events. */
  events(events: readonly RunEvent[]): void;
  /** The number of the newest event that the server had when the socket was opened: those up to it come at once. */
  greeted(lastSeq: number): void;
  /** The server has less than was seen: its database was restored. Forget everything. */
  anew(): void;
  /** The run has ended and everything was sent. */
  ended(): void;
  /** The server will not serve this run to this page. */
  refused(code: number, reason: string): void;
  state(state: LineState): void;
}

type Message =
  | { type: "hello" | "heartbeat" | "end"; last_seq: number }
  | { type: "events"; events: RunEvent[] }
  | { type: "result" };

const BAD_REQUEST = 4400;
const REFUSALS: ReadonlySet<number> = new Set([4401, 4403, 4404]);

export class RunSocket {
  private readonly line: Line;
  private last = 0;

  /** `url` gives the address for events after a number. */
  constructor(private readonly url: (after: number) => string, private readonly to: Receiver, world: World) {
    this.line = new Line(
      {
        url: () => this.url(this.last),
        message: (data) => this.receive(data),
        state: (state) => this.to.state(state),
        closed: (code, reason) => this.closed(code, reason),
      },
      world,
    );
  }

  open(): void {
    this.line.open();
  }

  close(): void {
    this.line.close();
  }

  private receive(data: unknown): void {
    const message = JSON.parse(String(data)) as Message;
    switch (message.type) {
      case "hello":
        this.to.greeted(message.last_seq);
        return;
      case "events":
        this.take(message.events);
        return;
      case "heartbeat":
        if (message.last_seq > this.last) this.line.restart();
        return;
      case "end":
        if (message.last_seq > this.last) {
          this.line.restart();
          return;
        }
        this.line.close();
        this.to.ended();
    }
  }

  private take(events: RunEvent[]): void {
    const first = events.findIndex((event) => event.seq > this.last);
    if (first < 0) return;
    const fresh = first === 0 ? events : events.slice(first);
    let whole = 0;
    while (whole < fresh.length && fresh[whole]?.seq === this.last + 1) {
      this.last += 1;
      whole += 1;
    }
    if (whole > 0) this.to.events(whole === fresh.length ? fresh : fresh.slice(0, whole));
    // Something is missing: ask for it.
    if (whole < fresh.length) this.line.restart();
  }

  private closed(code: number, reason: string): "later" | "now" | "never" {
    if (code === BAD_REQUEST && this.last > 0) {
      this.last = 0;
      this.to.anew();
      return "now";
    }
    if (REFUSALS.has(code) || code === BAD_REQUEST) {
      this.to.refused(code, reason);
      return "never";
    }
    return "later";
  }
}
