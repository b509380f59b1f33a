/** When a run's status is read: at the start, and whenever events leave something open. One at a time, with pauses. */
import { ApiError } from "../api/client";
import type { Status } from "../api/types";
import type { World } from "./line";

/** A moment for what comes along with the event that raised the doubt. */
const SOON = 60;
const PAUSE = 400;
const LONGEST_PAUSE = 10_000;

export class StatusReads {
  private reading: AbortController | null = null;
  private stopWaiting: (() => void) | null = null;
  private readAt = -Infinity;
  private failures = 0;

  constructor(
    private readonly read: (signal: AbortSignal) => Promise<Status>,
    private readonly got: (status: Status) => void,
    private readonly failed: (error: ApiError) => void,
    private readonly world: World,
  ) {}

  /** Read it within a moment; later if it was read just now. */
  ask(soon: number = SOON): void {
    if (this.stopWaiting !== null || this.reading !== null) return;
    const pause = Math.min(LONGEST_PAUSE, PAUSE * 2 ** this.failures);
    const wait = Math.max(soon, this.readAt + pause - this.world.now());
    this.stopWaiting = this.world.later(() => {
      this.stopWaiting = null;
      void this.begin();
    }, wait);
  }

  stop(): void {
    this.stopWaiting?.();
    this.stopWaiting = null;
    this.reading?.abort();
    this.reading = null;
  }

  private async begin(): Promise<void> {
    const reading = new AbortController();
    this.reading = reading;
    try {
      const status = await this.read(reading.signal);
      if (this.reading !== reading) return;
      this.over();
      this.failures = 0;
      this.got(status);
    } catch (error) {
      if (this.reading !== reading) return;
      this.over();
      this.failures += 1;
      this.refused(error);
    }
  }

  private over(): void {
    this.reading = null;
    this.readAt = this.world.now();
  }

  private refused(error: unknown): void {
    const refusal = error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429;
    if (refusal) this.failed(error);
    else this.ask();
  }
}
