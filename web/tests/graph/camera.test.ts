import { expect, test } from "vitest";
import { Camera, fitted, opening, revealing, within } from "../../src/graph/camera";

const pane = { width: 1000, height: 600 };
const card = (x: number, y: number) => ({ x, y, width: 216, height: 60 });

test("a small graph shows whole, in the middle, at its own size", () => {
  expect(opening({ width: 400, height: 200 }, pane, null, card(0, 0))).toEqual({ x: 300, y: 200, zoom: 1 });
});

test("a graph that would be too small to read opens legibly where it begins", () => {
  const view = opening({ width: 9_000, height: 4_000 }, pane, null, card(0, 0));
  expect(view.zoom).toBeGreaterThan(0.6);
  expect([view.x, view.y]).toEqual([24, 24]);
});

test("or with what matters in the middle", () => {
  const { x, y, zoom } = opening({ width: 9_000, height: 4_000 }, pane, card(5_000, 2_000), card(0, 0));
  expect(5_108 * zoom + x).toBeCloseTo(500);
  expect(2_030 * zoom + y).toBeCloseTo(300);
});

test("a node out of sight comes into the pane by the shortest way; one in sight moves nothing", () => {
  const view = { x: 0, y: 0, zoom: 1 };
  expect(revealing(view, pane, card(100, 100))).toEqual(view);
  expect(revealing(view, pane, card(900, 100))).toEqual({ x: 1_000 - 24 - 1_116, y: 0, zoom: 1 });
  expect(revealing(view, pane, card(100, -300))).toEqual({ x: 0, y: 324, zoom: 1 });
});

test("what is too large for the pane shows its beginning", () => {
  expect(revealing({ x: 0, y: 0, zoom: 1 }, pane, { x: 500, y: 0, width: 3_000, height: 10 }).x).toBe(24 - 500);
});

test("the graph cannot be lost out of the pane", () => {
  const world = { width: 2_000, height: 2_000 };
  expect(within({ x: 99_999, y: -99_999, zoom: 1 }, world, pane)).toEqual({ x: 880, y: 120 - 2_000, zoom: 1 });
});

test("zooming keeps what is under the pointer there", () => {
  const camera = new Camera();
  camera.size = pane;
  camera.open({ width: 3_000, height: 2_000 }, (size) => fitted({ width: 3_000, height: 2_000 }, size));
  const before = camera.view;
  const at = { x: (400 - before.x) / before.zoom, y: (250 - before.y) / before.zoom };
  camera.zoomBy(1.5, 400, 250);
  expect(at.x * camera.view.zoom + camera.view.x).toBeCloseTo(400);
  expect(at.y * camera.view.zoom + camera.view.y).toBeCloseTo(250);
});

test("a pane that changes its size shows all again, until somebody moves the camera", () => {
  const camera = new Camera();
  camera.resize(pane);
  camera.open({ width: 500, height: 300 }, (size) => fitted({ width: 500, height: 300 }, size));
  camera.resize({ width: 700, height: 600 });
  expect(camera.view.x).toBe(100);
  camera.pan(30, 0);
  camera.resize(pane);
  expect(camera.view.x).toBe(130);
});
