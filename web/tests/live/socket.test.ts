import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/api/types";
import type { LineState } from "../../src/live/line";
import { RunSocket } from "../../src/live/socket";
import { FakeWorld } from "./world";

const event = (seq: number): RunEvent => ({
  seq, run_id: "r", ts: "2026-03-04T09:30:00.000Z", type: "node.log", node_id: "a", run_attempt: 1, data: {},
});
const batch = (first: number, last: number) => ({
  type: "events", events: Array.from({ length: last - first + 1 }, (_, index) => event(first + index)),
});

function following() {
  const world = new FakeWorld();
  const seen: number[] = [];
  const states: LineState[] = [];
  const told: string[] = [];
  const socket = new RunSocket((after) => `ws?after=${after}`, {
    events: (events) => void seen.push(...events.map((each) => each.seq)),
    anew: () => {
      seen.length = 0;
      told.push("anew");
    },
    greeted: () => undefined,
    ended: () => void told.push("ended"),
    refused: (code) => void told.push(`refused ${code}`),
    state: (state) => void states.push(state),
  }, world);
  socket.open();
  return { world, socket, seen, states, told };
}

describe("a run's socket", () => {
  it("goes on after the last event that it has seen when it was cut", () => {
    const { world, seen, states } = following();
    world.socket.say({ type: "hello", last_seq: 9 });
    world.socket.say(batch(1, 3));
    world.socket.end(1006);
    expect(states.at(-1)).toBe("down");
    world.pass(250);
    expect(world.socket.url).toBe("ws?after=3");
    world.socket.say(batch(4, 5));
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    expect(states.at(-1)).toBe("up");
  });

  it("gives no event twice", () => {
    const { world, seen } = following();
    world.socket.say(batch(1, 3));
    world.socket.say(batch(2, 4));
    world.socket.say(batch(1, 2));
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(world.sockets).toHaveLength(1);
  });

  it("leaves no gap: what is missing is asked for at once", () => {
    const { world, seen } = following();
    world.socket.say(batch(1, 2));
    world.socket.say(batch(5, 6));
    expect(seen).toEqual([1, 2]);
    expect(world.socket.url).toBe("ws?after=2");
    expect(world.sockets[0]?.closed).toBe(true);
  });

  it("takes a heartbeat that knows more for a gap", () => {
    const { world } = following();
    world.socket.say(batch(1, 2));
    world.socket.say({ type: "heartbeat", last_seq: 4 });
    expect(world.sockets).toHaveLength(2);
    expect(world.socket.url).toBe("ws?after=2");
  });

  it("waits longer after each failure, up to 15 s, and begins anew once it was heard", () => {
    const { world } = following();
    const waits: number[] = [];
    for (let failure = 0; failure < 13; failure += 1) {
      const before = world.time;
      const count = world.sockets.length;
      world.socket.end(1006);
      while (world.sockets.length === count) world.pass(50);
      waits.push(world.time - before);
    }
    expect(waits).toEqual([250, 400, 600, 850, 1300, 1900, 2850, 4300, 6450, 9650, 14_450, 15_000, 15_000]);
    world.socket.say({ type: "hello", last_seq: 0 });
    world.socket.end(1012);
    world.pass(250);
    expect(world.sockets).toHaveLength(15);
  });

  it("takes half of its pauses from chance", () => {
    const { world } = following();
    world.chance = 0;
    world.socket.end(1006);
    world.pass(124);
    expect(world.sockets).toHaveLength(1);
    world.pass(1);
    expect(world.sockets).toHaveLength(2);
  });

  it("is stale after two missed heartbeats, and connects anew", () => {
    const { world, states } = following();
    world.socket.say({ type: "hello", last_seq: 0 });
    for (let beat = 0; beat < 4; beat += 1) {
      world.pass(15_000);
      world.socket.say({ type: "heartbeat", last_seq: 0 });
    }
    expect(world.sockets).toHaveLength(1);
    world.pass(31_000);
    expect(world.sockets).toHaveLength(1);
    world.pass(2_000);
    expect(states).toContain("silent");
    expect(world.sockets).toHaveLength(2);
  });

  it("connects at once when the network or the page comes back", () => {
    const { world } = following();
    for (let failure = 0; failure < 8; failure += 1) {
      world.socket.end(1006);
      world.pass(15_000);
    }
    world.socket.end(1006);
    const before = world.sockets.length;
    world.comeBack();
    expect(world.sockets).toHaveLength(before + 1);
    world.socket.say({ type: "hello", last_seq: 0 });
    world.comeBack();
    expect(world.sockets).toHaveLength(before + 1);
  });

  it("gives up a connection that never opens", () => {
    const { world } = following();
    world.pass(10_500);
    expect(world.sockets.length).toBeGreaterThan(1);
  });

  it("ends with the run, and goes on where it was when it is opened again", () => {
    const { world, socket, told, seen } = following();
    world.socket.say(batch(1, 4));
    world.socket.say({ type: "end", last_seq: 4 });
    expect(told).toEqual(["ended"]);
    world.pass(60_000);
    expect(world.sockets).toHaveLength(1);
    socket.open();
    expect(world.socket.url).toBe("ws?after=4");
    world.socket.say(batch(5, 5));
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  it("starts from nothing where the server has less than was seen", () => {
    const { world, told, seen } = following();
    world.socket.say(batch(1, 4));
    world.socket.end(1006);
    world.pass(250);
    world.socket.end(4400, "after is 4, but the last event is 2");
    world.pass(0);
    expect(told).toEqual(["anew"]);
    expect(world.socket.url).toBe("ws?after=0");
    world.socket.say(batch(1, 2));
    expect(seen).toEqual([1, 2]);
  });

  it.each([4401, 4403, 4404, 4400])("does not come back after %i", (code) => {
    const { world, told } = following();
    world.socket.end(code);
    world.pass(60_000);
    expect(told).toEqual([`refused ${code}`]);
    expect(world.sockets).toHaveLength(1);
  });

  it.each([1011, 1012, 4408, 4429, 1006])("comes back after %i", (code) => {
    const { world, told } = following();
    world.socket.end(code);
    world.pass(250);
    expect(told).toEqual([]);
    expect(world.sockets).toHaveLength(2);
  });
});
