import { describe, expect, it } from "vitest";
import { covered, scaleOf, ticks } from "../../src/timeline/scale";

const HOUR = 3_600_000;

describe("the scale of a timeline", () => {
  it("joins stretches that touch or overlap", () => {
    expect(covered([{ start: 5, end: 9 }, { start: 0, end: 3 }, { start: 2, end: 5 }])).toEqual([{ start: 0, end: 9 }]);
  });

  it("is even where nothing is idle", () => {
    const scale = scaleOf({ start: 0, end: 100 }, [{ start: 0, end: 100 }]);
    expect(scale.gaps).toEqual([]);
    expect(scale.place(25)).toBeCloseTo(0.25);
  });

  it("gives a night of waiting a small part of the width", () => {
    const scale = scaleOf({ start: 0, end: 8 * HOUR }, [{ start: 0, end: 1_000 }, { start: 8 * HOUR - 1_000, end: 8 * HOUR }]);
    expect(scale.gaps).toHaveLength(1);
    expect(scale.place(8 * HOUR - 1_000) - scale.place(1_000)).toBeCloseTo(0.04);
    expect(scale.place(1_000)).toBeCloseTo(0.48);
  });

  it("gives times back for places, gaps included", () => {
    const scale = scaleOf({ start: 0, end: 10 * HOUR }, [{ start: HOUR, end: HOUR + 500 }, { start: 7 * HOUR, end: 7 * HOUR + 900 }]);
    for (const time of [0, HOUR / 2, HOUR + 250, 3 * HOUR, 7 * HOUR + 10, 9 * HOUR, 10 * HOUR]) {
      expect(scale.time(scale.place(time))).toBeCloseTo(time, -1);
    }
  });

  it("keeps many gaps within a third of the width", () => {
    const busy = Array.from({ length: 40 }, (_, at) => ({ start: at * HOUR, end: at * HOUR + 100 }));
    const scale = scaleOf({ start: 0, end: 40 * HOUR }, busy);
    const shown = scale.gaps.reduce((sum, gap) => sum + gap.to - gap.from, 0);
    expect(shown).toBeLessThan(0.31);
    expect(scale.place(40 * HOUR)).toBeCloseTo(1);
  });

  it("never puts a time outside", () => {
    const scale = scaleOf({ start: 10, end: 20 }, []);
    expect([scale.place(0), scale.place(99)]).toEqual([0, 1]);
  });
});

describe("marks of the axis", () => {
  it("stand at round distances", () => {
    expect(ticks({ start: 500, end: 10_500 }, 5)).toEqual([500, 2_500, 4_500, 6_500, 8_500, 10_500]);
  });
});
