/** A WebSocket that comes back: with growing pauses, at once when the network or the page does, and when it falls silent. */

/** As much of a WebSocket as a line needs. */
export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  close(code?: number): void;
}

/** What a line needs of the world around it. */
export interface World {
  connect(url: string): Socket;
  now(): number;
  random(): number;
  later(call: () => void, ms: number): () => void;
  /** Calls back when the network returns or the page is shown again; gives the way to stop that. */
  onReturn(call: () => void): () => void;
}

/** `down`: it waits, or tries to connect. `silent`: nothing came for too long; it connects anew. */
export type LineState = "connecting" | "up" | "silent" | "down" | "closed";

export interface Ends {
  /** Asked at each connect. */
  url(): string;
  message(data: unknown): void;
  state(state: LineState): void;
  /** The socket was closed: whether to come back, at once or after a pause, or never. */
  closed(code: number, reason: string): "later" | "now" | "never";
}

const FIRST_PAUSE = 250;
/** A pause stays shorter than half of the time since the loss: what was away briefly is found again soon. */
const GROWTH = 1.5;
const LONGEST_PAUSE = 15_000;
/** The server says something every 15 s: after two missed signs the line is dead. */
export const SILENCE = 32_000;
/** A page that was asleep notices sooner. */
const SUSPECT = 17_000;
/** A connection that does not open is given up. */
const OPENING = 10_000;

export class Line {
  private socket: Socket | null = null;
  private failures = 0;
  private heard = 0;
  private stopWaiting: (() => void) | null = null;
  private stopListening: (() => void) | null = null;
  /** Whether the timer that waits is the one for silence. */
  private watching = false;
  private state: LineState = "closed";

  constructor(private readonly ends: Ends, private readonly world: World) {}

  /** Connects, unless it is connected or about to be. */
  open(): void {
    if (this.state !== "closed") return;
    this.stopListening = this.world.onReturn(() => this.returned());
    this.enter("connecting");
    this.connect();
  }

  /** Ends it for good; `open` begins anew. */
  close(): void {
    this.stopListening?.();
    this.stopListening = null;
    this.drop();
    this.failures = 0;
    this.enter("closed");
  }

  /** Connects anew at once, from where its owner stands. */
  restart(): void {
    if (this.state === "closed") return;
    this.drop();
    this.enter("down");
    this.connect();
  }

  private connect(): void {
    const socket = this.world.connect(this.ends.url());
    this.socket = socket;
    this.heard = this.world.now();
    socket.onopen = () => this.hear();
    socket.onmessage = (event) => {
      this.hear();
      this.failures = 0;
      if (this.state !== "up") this.enter("up");
      this.ends.message(event.data);
    };
    socket.onclose = (event) => {
      this.drop();
      this.comeBack(this.ends.closed(event.code, event.reason));
    };
    this.watch(OPENING, OPENING);
  }

  private comeBack(how: "later" | "now" | "never"): void {
    if (this.state === "closed") return;
    if (how === "never") {
      this.close();
      return;
    }
    if (this.state !== "silent") this.enter("down");
    const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * GROWTH ** this.failures);
    this.failures += 1;
    // Half of it is chance, so that a restarted server is not met by all its pages at once.
    this.wait(how === "now" ? 0 : longest * (0.5 + this.world.random() / 2), () => this.connect());
  }

  private hear(): void {
    this.heard = this.world.now();
    if (!this.watching) this.watch(SILENCE, SILENCE);
  }

  /** One timer, however many messages come: it looks again when it fires. */
  private watch(patience: number, ms: number): void {
    this.watching = patience === SILENCE;
    this.wait(ms, () => {
      const left = this.heard + patience - this.world.now();
      if (left > 0) this.watch(patience, left);
      else this.dead();
    });
  }

  private dead(): void {
    this.drop();
    this.enter("silent");
    this.comeBack("now");
  }

  private returned(): void {
    const quiet = this.world.now() - this.heard;
    if (this.state === "up" && quiet < SUSPECT) return;
    if (this.state === "up") this.dead();
    else if (this.socket === null || quiet > FIRST_PAUSE) this.restart();
  }

  private drop(): void {
    this.stopWaiting?.();
    this.stopWaiting = null;
    this.watching = false;
    const socket = this.socket;
    this.socket = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private wait(ms: number, call: () => void): void {
    this.stopWaiting?.();
    this.stopWaiting = this.world.later(() => {
      this.stopWaiting = null;
      call();
    }, ms);
  }

  private enter(state: LineState): void {
    this.state = state;
    this.ends.state(state);
  }
}
