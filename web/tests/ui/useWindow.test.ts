import { describe, expect, it } from "vitest";
import { RowPlaces } from "../../src/ui/useWindow";

describe("the places of many rows", () => {
  it("are multiples of a height where all rows have one", () => {
    const places = new RowPlaces(100_000, 28);
    expect([places.total, places.offset(99_999), places.at(0), places.at(27), places.at(28), places.at(1e9)]).toEqual([2_800_000, 2_799_972, 0, 0, 1, 99_999]);
  });

  it("make room for rows that are higher", () => {
    const places = new RowPlaces(10, 20, new Map([[4, 30], [1, 100]]));
    expect([0, 1, 2, 4, 5, 10].map((row) => places.offset(row))).toEqual([0, 20, 140, 180, 230, 330]);
    for (let row = 0; row < 10; row += 1) {
      expect(places.at(places.offset(row))).toBe(row);
      expect(places.at(places.offset(row + 1) - 1)).toBe(row);
    }
  });

  it("forget rows that are not there any more", () => {
    expect(new RowPlaces(2, 20, new Map([[7, 50]])).total).toBe(40);
    expect(new RowPlaces(0, 20).at(300)).toBe(0);
  });
});
