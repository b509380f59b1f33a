import { expect, test } from "vitest";
import { url } from "../../src/api/client";
import { checkpointPath, project, runPath, workflowPath } from "../../src/api/paths";
import { isPage } from "../../src/app/isPage";

const ODD = ["..", ".", "../../auth/session", "x?all=1", "x#y", "a/b", "%2e%2e"];

test.each(ODD)("the name %s leads to no other route", (odd) => {
  const depths: [string, number][] = [[project(odd), 3], [runPath("p", odd), 6], [workflowPath(odd, "w"), 5], [checkpointPath("p", "r", odd), 8]];
  for (const [path, depth] of depths) {
    const made = new URL(url(path));
    expect(made.pathname).toMatch(/^\/api\/projects\//);
    expect([made.pathname.split("/").length - 1, made.search, made.hash]).toEqual([depth, "", ""]);
  }
});

test("after signing in only pages of ours are gone to", () => {
  expect(["/p/default/runs/1?tab=log#x", "/"].every(isPage)).toBe(true);
  expect(["//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example", "javascript:alert(1)", "", undefined].some(isPage)).toBe(false);
});
