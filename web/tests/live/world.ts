/** A world without a browser: time passes when a test says so, and sockets are the server's end of themselves. */
import type { Socket, World } from "../../src/live/line";

export class FakeSocket implements Socket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  closed = false;

  constructor(readonly url: string) {}

  close(): void {
    this.closed = true;
  }

  say(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  end(code: number, reason = ""): void {
    this.closed = true;
    this.onclose?.({ code, reason });
  }
}

export class FakeWorld implements World {
  readonly sockets: FakeSocket[] = [];
  time = 1_000_000;
  chance = 1;
  private timers: { at: number; call: () => void }[] = [];
  private readonly returns = new Set<() => void>();

  get socket(): FakeSocket {
    const last = this.sockets.at(-1);
    if (last === undefined) throw new Error("nothing was connected");
    return last;
  }

  connect(url: string): Socket {
    const socket = new FakeSocket(url);
    this.sockets.push(socket);
    return socket;
  }

  now(): number {
    return this.time;
  }

  random(): number {
    return this.chance;
  }

  later(call: () => void, ms: number): () => void {
    const timer = { at: this.time + ms, call };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((each) => each !== timer);
    };
  }

  onReturn(call: () => void): () => void {
    this.returns.add(call);
    return () => this.returns.delete(call);
  }

  comeBack(): void {
    for (const call of this.returns) call();
  }

  pass(ms: number): void {
    const until = this.time + ms;
    for (;;) {
      const next = this.timers.filter((each) => each.at <= until).sort((one, other) => one.at - other.at)[0];
      if (next === undefined) break;
      this.timers = this.timers.filter((each) => each !== next);
      this.time = Math.max(this.time, next.at);
      next.call();
    }
    this.time = until;
  }
}
