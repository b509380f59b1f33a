import { expect, test } from "vitest";
import { checkValue, sameJson } from "../../../src/ui/form/checks";
import { fromLocal, toLocal } from "../../../src/ui/form/dates";
import { initialOf, initialValue, newEntry } from "../../../src/ui/form/initial";
import { below, into, keysOf } from "../../../src/ui/form/path";
import { fieldOf, placed, variantOf } from "../../../src/ui/form/schema";
import { resolve, words } from "../../../src/ui/form/resolve";
import type { Schema } from "../../../src/api/types";

const shape = (schema: Schema) => fieldOf(schema, schema).shape;

test("each simple type has its control", () => {
  expect(shape({ type: "string" })).toEqual({ kind: "text", format: "text" });
  expect(shape({ type: "string", format: "date-time" })).toEqual({ kind: "text", format: "date-time" });
  expect(shape({ type: "string", maxLength: 5000 })).toEqual({ kind: "text", format: "multiline" });
  expect(shape({ type: "integer" })).toEqual({ kind: "number", integer: true });
  expect(shape({ type: "boolean" })).toEqual({ kind: "boolean" });
  expect(shape({ enum: ["a", 1] })).toEqual({ kind: "choice", options: [{ value: "a", label: "a" }, { value: 1, label: "1" }] });
});

test("titled constants are one choice", () => {
  expect(shape({ oneOf: [{ const: "eu", title: "Europe" }, { const: "us" }] })).toEqual({
    kind: "choice", options: [{ value: "eu", label: "Europe" }, { value: "us", label: "us" }],
  });
});

test("a type or null is that type, and may be empty", () => {
  expect(fieldOf({ type: ["string", "null"] }, {})).toMatchObject({ nullable: true, shape: { kind: "text" } });
  expect(fieldOf({ anyOf: [{ type: "number" }, { type: "null" }], title: "Size" }, {})).toMatchObject({ nullable: true, label: "Size", shape: { kind: "number" } });
});

test("what fields cannot express is JSON", () => {
  expect(shape({}).kind).toBe("json");
  expect(shape({ type: "object", additionalProperties: { type: "string" } }).kind).toBe("json");
  expect(shape({ type: "array", prefixItems: [{}] }).kind).toBe("json");
  expect(shape({ type: "string", not: { const: "x" } }).kind).toBe("json");
});

test("references are followed, also those that come back to themselves", () => {
  const tree: Schema = { $ref: "#/$defs/Tree", $defs: { Tree: { type: "object", properties: { name: { type: "string", default: "x" }, inner: { $ref: "#/$defs/Tree" } } } } };
  expect(fieldOf(tree, tree).shape.kind).toBe("object");
  expect(initialOf(tree)).toMatchObject({ name: "x" });
  expect(resolve({ $ref: "#/$defs/a~1b", description: "own" }, { $defs: { "a/b": { type: "string", description: "theirs" } } })).toEqual({ type: "string", description: "own" });
  const circle: Schema = { $ref: "#" };
  expect(fieldOf(circle, circle).shape.kind).toBe("json");
});

test("a form begins with defaults, and leaves out what has none", () => {
  const schema: Schema = {
    type: "object", required: ["who", "address"],
    properties: {
      topic: { type: "string", default: "sailing" }, who: { type: "string" }, urgent: { type: "boolean" }, address: { type: "object", properties: { street: { type: "string" } } },
      other: { type: "object", properties: { street: { type: "string" } } }, to: { type: "array", items: { type: "string" }, default: ["team"] },
    },
  };
  expect(initialValue(schema)).toEqual({ topic: "sailing", address: {}, to: ["team"] });
  expect(initialValue(null)).toEqual({});
  expect(initialValue({ type: "array", items: { type: "string" }, minItems: 2 })).toEqual(["", ""]);
  expect(newEntry({ type: "number" }, {})).toBeNull();
});

test("checks name every problem at its path", () => {
  const schema: Schema = {
    type: "object", required: ["name"], additionalProperties: false,
    properties: {
      name: { type: "string" }, size: { type: "integer", minimum: 1, maximum: 9 }, code: { type: "string", pattern: "^[A-Z]{3}$" },
      to: { type: "array", minItems: 1, uniqueItems: true, items: { type: "object", required: ["mail"], properties: { mail: { type: "string", minLength: 3 } } } },
      kind: { enum: ["a", "b"] },
    },
  };
  expect(checkValue(schema, { name: "x", size: 3, code: "ABC", to: [{ mail: "a@b" }], kind: "a" })).toEqual([]);
  const paths = checkValue(schema, { size: 10, code: "abc", to: [{ mail: "x" }, {}], kind: "c", more: 1 }).map(({ path }) => path);
  expect(paths.sort()).toEqual(["code", "kind", "more", "name", "size", "to[0].mail", "to[1].mail"]);
  expect(checkValue({ type: "number" }, "12x")).toEqual([{ path: "", message: "This has to be a number." }]);
  expect(checkValue({ type: "integer" }, 1.5)).toHaveLength(1);
  expect(checkValue({ exclusiveMinimum: 0 }, 0)).toHaveLength(1);
  expect(checkValue({ multipleOf: 0.1 }, 0.3)).toEqual([]);
  expect(checkValue({ pattern: "(?i)x" }, "y")).toEqual([]);
});

test("a value of several possible kinds is checked against the one that it is meant to be", () => {
  const schema: Schema = { anyOf: [{ type: "string" }, { type: "object", required: ["id"], properties: { id: { type: "string" } } }] };
  expect(checkValue(schema, "x")).toEqual([]);
  expect(checkValue(schema, {})).toEqual([{ path: "id", message: "Required." }]);
  expect(checkValue(schema, 3)).toEqual([{ path: "", message: "This fits none of the choices." }]);
  const { shape: found } = fieldOf(schema, schema);
  expect(found.kind === "variants" && variantOf(found.variants, { other: 1 }, schema)).toBe(1);
});

test("problems of the server stand at the nearest field, missing ones at the field that is missing", () => {
  const schema: Schema = { type: "object", properties: { to: { type: "array", items: { type: "object", properties: { mail: { type: "string" } } } }, free: {} } };
  expect(placed([
    { path: "to[1]", message: "'mail' is a required property" }, { path: "free.a.b", message: "wrong" }, { path: "", message: "'gone' is a required property" },
  ], schema)).toEqual([{ path: "to[1].mail", message: "Required." }, { path: "free", message: "wrong" }, { path: "", message: "Required." }]);
  expect(below([{ path: "input_data.to[1]", message: "x" }, { path: "input_data", message: "y" }, { path: "metadata", message: "z" }], "input_data"))
    .toEqual([{ path: "to[1]", message: "x" }, { path: "", message: "y" }, { path: "", message: "metadata: z" }]);
});

test("paths are written and read the same way", () => {
  expect(into(into(into("", "to"), 2), "name")).toBe("to[2].name");
  expect(keysOf("to[2].name")).toEqual(["to", 2, "name"]);
  expect(keysOf("")).toEqual([]);
});

test("names are told as words, and times go to the server in UTC", () => {
  expect([words("started_at"), words("maxItems"), words("_")]).toEqual(["Started at", "Max items", "_"]);
  expect(fromLocal(toLocal("2026-03-04T10:30:00Z") ?? "")).toBe("2026-03-04T10:30:00.000Z");
  expect([toLocal("soon"), fromLocal("")]).toEqual([null, ""]);
  expect(sameJson({ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 })).toBe(true);
  expect(sameJson({ a: 1 }, { a: 1, b: 2 })).toBe(false);
});
