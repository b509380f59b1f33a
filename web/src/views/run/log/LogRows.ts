/** The rows of the log that a filter lets through, made once for each event however often they are asked for. */
import type { RunEvent } from "../../../api/types";
import { detailOf, groupOf, toneOf, type Group } from "./lines";

export interface Filter {
  readonly groups: ReadonlySet<Group>;
  readonly node: string | null;
  readonly text: string;
  readonly errorsOnly: boolean;
}

/** Text that a model streams is one row until its node does something else; then, or at so many pieces, another begins. */
const JOINED = 400;

export class LogRows {
  /** By row, the place of its first event. */
  readonly first: number[] = [];
  readonly #joined = new Map<number, number[]>();
  readonly #streaming = new Map<string, number>();
  readonly #needle: string;
  #read = 0;

  constructor(readonly filter: Filter) {
    this.#needle = filter.text.trim().toLowerCase();
  }

  /** Read the events that came since the last call. */
  extend(events: readonly RunEvent[]): this {
    for (; this.#read < events.length; this.#read += 1) this.#take(events[this.#read] as RunEvent, this.#read);
    return this;
  }

  /** The places of all events that the row joins. */
  places(row: number): readonly number[] {
    const first = this.first[row] ?? 0;
    return this.#joined.get(first) ?? [first];
  }

  #take(event: RunEvent, place: number): void {
    if (!this.#shows(event)) return;
    const node = event.node_id ?? "";
    const row = this.#streaming.get(node);
    if (event.type !== "node.delta") {
      if (event.type !== "node.progress") this.#streaming.delete(node);
      this.first.push(place);
      return;
    }
    const pieces = row === undefined ? undefined : this.#joined.get(row);
    if (pieces !== undefined && pieces.length < JOINED) {
      pieces.push(place);
      return;
    }
    this.#streaming.set(node, place);
    this.#joined.set(place, [place]);
    this.first.push(place);
  }

  #shows(event: RunEvent): boolean {
    const { groups, node, errorsOnly } = this.filter;
    if (errorsOnly ? toneOf(event) !== "error" : !groups.has(groupOf(event.type))) return false;
    if (node !== null && event.node_id !== node && !(event.node_id?.startsWith(`${node}/`) ?? false)) return false;
    if (this.#needle === "") return true;
    return `${event.type} ${event.node_id ?? ""} ${detailOf(event)}`.toLowerCase().includes(this.#needle);
  }
}

/** The text of a row's streamed pieces. */
export function joinedText(events: readonly RunEvent[], places: readonly number[]): string {
  return places.map((place) => String(events[place]?.data["text"] ?? "")).join("");
}
