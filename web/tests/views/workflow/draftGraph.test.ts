import { expect, test } from "vitest";
import { graphOf, pathsOf, wrongIn } from "../../../src/views/workflow/definition/draftGraph";

const DRAFT = {
  nodes: [{ id: "a", type: "condition" }, { id: "b", type: "output", name: "Done" }],
  edges: [{ source: "a", target: "b", when: true }, { source: "a", target: "gone" }],
};

test("a draft's graph has its nodes, and the edges that lead somewhere", () => {
  const graph = graphOf(DRAFT);
  expect(graph?.nodes.map(({ id, name }) => [id, name])).toEqual([["a", "a"], ["b", "Done"]]);
  expect(graph?.edges).toEqual([{ source: "a", target: "b", back: false, when: true }]);
  expect(graphOf({ steps: [{ id: "x" }, { id: "y" }] })?.edges).toEqual([{ source: "x", target: "y", back: false }]);
});

test("nothing is drawn while a node has no id, or has that of another", () => {
  expect(graphOf({ nodes: [{ id: "a" }, {}] })).toBeNull();
  expect(graphOf({ nodes: [{ id: "a" }, { id: "a" }] })).toBeNull();
  expect(graphOf({})).toBeNull();
});

test("nodes with errors carry a sign, those with warnings or without do not", () => {
  const wrong = wrongIn(DRAFT, [{ path: "nodes[1].config.value", message: "Field required", severity: "error" }, { path: "nodes[0].type", message: "hm", severity: "warning" }]);
  expect([...wrong]).toEqual(["b"]);
  expect(graphOf(DRAFT, wrong)?.nodes.map(({ name }) => name)).toEqual(["a", "⚠ Done"]);
  expect(pathsOf(DRAFT).get("b")).toBe("nodes[1]");
});
