import { expect, test } from "vitest";
import type { NodeType } from "../../src/api/types";
import { pretty } from "../../src/editor/pretty";
import { namesAt, namesIn, valuesAt } from "../../src/editor/suggestions";

const TYPES: NodeType[] = [{
  type: "call_api", title: "API call", description: "Calls.", output: "", branching: false, side_effects: true,
  config_schema: {
    type: "object", required: ["url"], $defs: { Auth: { type: "object", properties: { user: { type: "string" } } } },
    properties: { url: { type: "string", description: "Where." }, method: { enum: ["GET", "POST"] }, auth: { anyOf: [{ $ref: "#/$defs/Auth" }, { type: "null" }] } },
  },
}];
const DOCUMENT = { input_schema: { properties: { topic: {} } }, nodes: [{ id: "a", type: "call_api" }, { id: "b", type: "gone" }], edges: [{}] };
const names = (...keys: (string | number)[]) => namesAt(keys, DOCUMENT, TYPES).map(({ value }) => value);
const values = (...keys: (string | number)[]) => valuesAt(keys, DOCUMENT, TYPES).map(({ value }) => value);

test("a config has the names of its node's type, also further in", () => {
  expect(names("nodes", 0, "config")).toEqual(["url", "method", "auth"]);
  expect(namesAt(["nodes", 0, "config"], DOCUMENT, TYPES)[0]).toEqual({ value: "url", detail: "required", info: "Where." });
  expect(names("nodes", 0, "config", "auth")).toEqual(["user"]);
  expect(names("nodes", 1, "config")).toEqual([]);
});

test("values are types, choices and the nodes that there are", () => {
  expect(values("nodes", 0, "type")).toEqual(["call_api"]);
  expect(values("nodes", 0, "config", "method")).toEqual(["GET", "POST"]);
  expect(values("edges", 0, "target")).toEqual(["a", "b"]);
  expect(values("name")).toEqual([]);
});

test("expressions know the outputs and the input", () => {
  expect(namesIn("outputs", DOCUMENT)).toEqual(["a", "b"]);
  expect(namesIn("input", DOCUMENT)).toEqual(["topic"]);
  expect(namesIn("input", null)).toEqual([]);
});

test("what fits in a line stays in one, and reading it gives the same", () => {
  const value = { name: "x", nodes: [{ id: "a", config: { long: "y".repeat(90) } }, {}], empty: [] };
  const text = pretty(value);
  expect(JSON.parse(text)).toEqual(value);
  expect(text.split("\n").slice(0, 3)).toEqual(["{", '  "name": "x",', '  "nodes": [']);
  expect(pretty({ a: [1, { b: null }] })).toBe('{"a": [1, {"b": null}]}');
});
