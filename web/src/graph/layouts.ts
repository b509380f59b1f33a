/** Layouts by what they depend on: kept while the page lives and in the browser's storage, made in one worker. */
import type { Layout, LayoutRequest } from "./layout";
import type { Direction, Edge, Topology } from "./topology";

/** Raised with every change of how layouts come out, so that stored ones are not shown. */
const EDITION = 3;
const PREFIX = "milepost.layout.";
const KEPT = 12;

interface Waiting {
  resolve(layout: Layout): void;
  reject(error: Error): void;
}

export class Layouts {
  private readonly made = new Map<string, Layout>();
  private readonly asked = new Map<string, Waiting[]>();
  private worker: Worker | null = null;

  constructor(private readonly storage: Storage | null) {}

  /** At once, if it has been made before. */
  known(key: string): Layout | null {
    const made = this.made.get(key);
    if (made !== undefined) return made;
    const stored = this.storage === null ? null : read(this.storage, key);
    if (stored !== null) this.made.set(key, stored);
    return stored;
  }

  make(key: string, request: LayoutRequest): Promise<Layout> {
    const known = this.known(key);
    if (known !== null) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const waiting = this.asked.get(key);
      if (waiting !== undefined) {
        waiting.push({ resolve, reject });
        return;
      }
      this.asked.set(key, [{ resolve, reject }]);
      this.started().postMessage({ key, request });
    });
  }

  /** Starts the worker, which takes longer than most layouts, while the graph is still read. */
  prepare(): void {
    this.started();
  }

  private started(): Worker {
    if (this.worker !== null) return this.worker;
    const worker = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<{ key: string; layout: Layout }>) => this.answer(data.key, data.layout);
    worker.onerror = (event) => {
      worker.terminate();
      this.worker = null;
      const error = new Error(event.message || "The graph's layout could not be made.");
      const asked = [...this.asked.values()].flat();
      this.asked.clear();
      for (const { reject } of asked) reject(error);
    };
    this.worker = worker;
    return worker;
  }

  private answer(key: string, layout: Layout): void {
    this.made.set(key, layout);
    if (this.storage !== null) write(this.storage, key, layout);
    const waiting = this.asked.get(key) ?? [];
    this.asked.delete(key);
    for (const { resolve } of waiting) resolve(layout);
  }
}

/** The same for graphs that have the same layout: names, types and statuses play no part. */
export function layoutKey(topology: Topology, open: ReadonlySet<string>, direction: Direction): string {
  const edge = ({ source, target, back, label }: Edge) => [source, target, back, label];
  return hash(JSON.stringify([EDITION, direction, [...open].sort(), [...topology.nodes.keys()], topology.edges.map(edge)]));
}

/** 53 bits of a text (cyrb53), in base 36. */
export function hash(text: string): string {
  let [one, two] = [0xdeadbeef, 0x41c6ce57];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    one = Math.imul(one ^ code, 2654435761);
    two = Math.imul(two ^ code, 1597334677);
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(two ^ (two >>> 13), 3266489909);
  two = Math.imul(two ^ (two >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909);
  return (4294967296 * (2097151 & two) + (one >>> 0)).toString(36);
}

function read(storage: Storage, key: string): Layout | null {
  try {
    const text = storage.getItem(PREFIX + key);
    return text === null ? null : (JSON.parse(text) as Layout);
  } catch {
    return null;
  }
}

/** The newest layouts stay; a full storage is no reason to show nothing. */
function write(storage: Storage, key: string, layout: Layout): void {
  const list = PREFIX + "keys";
  try {
    const keys = [key, ...(JSON.parse(storage.getItem(list) ?? "[]") as string[]).filter((each) => each !== key)];
    for (const old of keys.splice(KEPT)) storage.removeItem(PREFIX + old);
    storage.setItem(PREFIX + key, JSON.stringify(layout));
    storage.setItem(list, JSON.stringify(keys));
  } catch {
    storage.removeItem(PREFIX + key);
  }
}
