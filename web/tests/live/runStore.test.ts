import { describe, expect, it } from "vitest";
import { ApiError } from "../../src/api/client";
import type { Status } from "../../src/api/types";
import { LiveRun } from "../../src/live/runStore";
import { Log, RUN, statusOf } from "../model/events";
import { FakeWorld } from "./world";

/** A page that follows a run: the test says what the server answers, and when a frame is drawn. */
function page() {
  const world = new FakeWorld();
  const frames: (() => void)[] = [];
  const asked: { answer: (status: Status) => Promise<void>; fail: (status: number) => Promise<void> }[] = [];
  const watched: (() => void)[] = [];
  const settled = (): Promise<void> => Promise.resolve().then(() => undefined);
  const store = new LiveRun(RUN, {
    url: (after) => `ws?after=${after}`,
    status: () => new Promise((resolve, reject) => {
      asked.push({
        answer: (status) => (resolve(status), settled()),
        fail: (status) => (reject(new ApiError({ type: "", title: "no", status, detail: "no", code: "no" })), settled()),
      });
    }),
    watch: (changed) => {
      watched.push(changed);
      return () => void watched.splice(watched.indexOf(changed), 1);
    },
    signedOut: () => undefined,
  }, world, (call) => {
    frames.push(call);
    return () => void frames.splice(frames.indexOf(call), 1);
  });
  const draw = (): void => frames.splice(0).forEach((call) => call());
  store.start();
  world.pass(0);
  return { world, store, asked, watched, draw, frames };
}

describe("a run's store", () => {
  it("shows the status before the events have come", async () => {
    const { store, asked, draw } = page();
    expect(store.known()).toBe(false);
    await asked[0]?.answer(statusOf(40, { a: "COMPLETED", b: "RUNNING" }));
    draw();
    expect([store.known(), store.node("b")?.status, store.view().lastSeq]).toEqual([true, "RUNNING", 40]);
  });

  it("tells of many events once a frame, and only those who look at what has changed", async () => {
    const { world, store, asked, draw, frames } = page();
    await asked[0]?.answer(statusOf(0, { a: "PENDING", b: "PENDING" }));
    draw();
    const told = { all: 0, a: 0, b: 0 };
    store.subscribe(() => (told.all += 1));
    store.subscribeNode("a", () => (told.a += 1));
    store.subscribeNode("b", () => (told.b += 1));
    const log = new Log().begin();
    log.started("a");
    log.completed("a");
    for (const event of log.events) world.socket.say({ type: "events", events: [event] });
    expect(frames).toHaveLength(1);
    expect(store.events().items).toHaveLength(0);
    draw();
    expect(told).toEqual({ all: 1, a: 1, b: 0 });
    expect(store.events().items).toHaveLength(5);
  });

  it("catches up with a long run in steps, and shows its newest events at once", () => {
    const { world, store, draw, frames } = page();
    const log = new Log().begin();
    for (let line = 0; line < 3_000; line += 1) log.add("node.log", "a", { message: `line ${line}` });
    const { events } = log;
    world.socket.say({ type: "hello", last_seq: events.length });
    draw();
    world.socket.say({ type: "events", events: events.slice(0, 500) });
    world.socket.say({ type: "events", events: events.slice(500, 1_000) });
    expect(frames).toHaveLength(0);
    world.pass(200);
    draw();
    expect(store.events().items).toHaveLength(1_000);
    world.socket.say({ type: "events", events: events.slice(1_000) });
    draw();
    expect(store.events().items).toHaveLength(events.length);
    world.pass(1_000);
    expect(frames).toHaveLength(0);
  });

  it("asks the server again where events leave something open, and not while it knows", async () => {
    const { world, store, asked, draw } = page();
    await asked[0]?.answer(statusOf(0, { ask: "PENDING" }));
    const log = new Log().begin();
    log.started("ask");
    world.socket.say({ type: "events", events: log.events });
    draw();
    world.pass(5_000);
    expect(asked).toHaveLength(1);
    const waits = log.add("node.waiting", "ask", { for: "answer" });
    world.socket.say({ type: "events", events: [waits] });
    draw();
    world.pass(5_000);
    expect(asked).toHaveLength(2);
    await asked[1]?.answer(statusOf(5, { ask: "WAITING" }, { interrupts: [{
      interrupt_id: "q", node_id: "ask", item: null, path: "ask", question: "Well?", schema: null, assignees: [], asked_at: waits.ts, expires_at: null, value: {},
    }] }));
    draw();
    world.pass(5_000);
    expect(asked).toHaveLength(2);
    expect(store.view().interrupts[0]?.question).toBe("Well?");
  });

  it("goes on with a failed run that somebody retries", () => {
    const { world, store, watched, draw } = page();
    const log = new Log().begin();
    log.add("run.failed", null, { error: { message: "no" } });
    world.socket.say({ type: "events", events: log.events });
    world.socket.say({ type: "end", last_seq: 4 });
    draw();
    expect([store.connection(), watched.length]).toEqual(["ended", 1]);
    watched[0]?.();
    expect([world.socket.url, watched.length]).toEqual(["ws?after=4", 0]);
    world.socket.say({ type: "events", events: [log.add("run.queued", null, { why: "retry" })] });
    draw();
    expect([store.connection(), store.view().status]).toEqual(["live", "QUEUED"]);
  });

  it("follows nothing more of a run that has completed", () => {
    const { world, store, watched, draw } = page();
    const log = new Log().begin();
    log.add("run.completed", null, { output: 1 });
    world.socket.say({ type: "events", events: log.events });
    world.socket.say({ type: "end", last_seq: 4 });
    draw();
    expect([store.connection(), watched.length]).toEqual(["ended", 0]);
  });

  it("forgets what a restored database no longer has", () => {
    const { world, store, draw } = page();
    const log = new Log().begin();
    log.started("a");
    world.socket.say({ type: "events", events: log.events });
    draw();
    world.socket.end(1006);
    world.pass(300);
    world.socket.end(4400);
    world.pass(0);
    world.socket.say({ type: "events", events: log.events.slice(0, 2) });
    draw();
    expect([store.events().items.length, store.node("a"), store.view().status]).toEqual([2, undefined, "QUEUED"]);
  });

  it("says why the server does not serve a run", async () => {
    const { world, store, asked, draw } = page();
    await asked[0]?.fail(404);
    draw();
    expect(store.problem()?.status).toBe(404);
    world.pass(60_000);
    expect(asked).toHaveLength(1);
  });

  it("tries again where the server did not answer", async () => {
    const { world, store, asked } = page();
    await asked[0]?.fail(0);
    world.pass(1_000);
    expect([store.problem(), asked.length]).toEqual([null, 2]);
  });
});
