import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const SOURCES = join(import.meta.dirname, "..", "src");

/** Which folders each folder may import from. Views import all of them, and the router imports the views. */
const ALLOWED: Record<string, readonly string[]> = {
  api: [],
  ui: ["api"],
  model: ["api"],
  live: ["api", "model", "ui"],
  graph: ["api", "model", "ui"],
  editor: ["api", "ui"],
  timeline: ["live", "model", "ui"],
  app: ["api", "live", "ui", "views"],
  views: ["api", "app", "editor", "graph", "live", "model", "timeline", "ui"],
};

function filesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesIn(path) : /\.tsx?$/.test(name) ? [path] : [];
  });
}

/** The folders of src that a file imports from, itself left out. */
function importedBy(file: string, folder: string): string[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"((?:\.\.\/)+)(\w+)\//g)]
    .map(([, , found = ""]) => found)
    .filter((found) => found in ALLOWED && found !== folder);
}

test.each(Object.keys(ALLOWED))("%s imports from the folders below it only", (folder) => {
  const wrong = filesIn(join(SOURCES, folder)).flatMap((file) =>
    importedBy(file, folder).filter((found) => ALLOWED[folder]?.includes(found) === false).map((found) => `${file} imports ${found}`),
  );
  expect(wrong).toEqual([]);
});

test("every folder has its place in the order", () => {
  const folders = readdirSync(SOURCES).filter((name) => statSync(join(SOURCES, name)).isDirectory() && name !== "styles");
  expect(folders.sort()).toEqual(Object.keys(ALLOWED).sort());
});
