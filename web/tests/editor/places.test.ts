import { jsonLanguage } from "@codemirror/lang-json";
import { expect, test } from "vitest";
import { documentOf, placeAt, rangeOf } from "../../src/editor/places";

const TEXT = `{
  "nodes": [
    {"id": "a", "config": {"url": "x"}},
    {
      "id": "b"
    }
  ]
}`;
const tree = (text: string) => jsonLanguage.parser.parse(text);
const at = (path: string, text = TEXT) => {
  const { from, to } = rangeOf(tree(text), text, path);
  return text.slice(from, to);
};
/** Where the | is, as keys. */
const place = (marked: string) => {
  const text = marked.replace("|", "");
  const { keys, naming, word } = placeAt(tree(text), text, marked.indexOf("|"));
  return { keys, naming, word: word === null ? null : text.slice(word.from, word.to) };
};

test("a path leads to its value", () => {
  expect(at("nodes[0].config.url")).toBe('"x"');
  expect(at("nodes[1].id")).toBe('"b"');
});

test("a path that goes on where the text does not leads to what is nearest", () => {
  expect(at("nodes[0].config.body")).toBe('"config": {"url": "x"}');
  expect(at("nodes[1].config.url")).toBe("{");
  expect(at("edges[3]")).toBe("{");
  expect(at("nodes[7]")).toBe('"nodes": [');
});

test("a position is a place as well, also behind the end", () => {
  expect(at("@4")).toBe('"');
  expect(rangeOf(tree("{"), "{", "@9")).toEqual({ from: 0, to: 1 });
  expect(rangeOf(tree(""), "", "nodes")).toEqual({ from: 0, to: 0 });
});

test("broken JSON is marked where it breaks", () => {
  const text = '{"name": "a", "nodes": oops}';
  expect(rangeOf(tree(text), text, "@").from).toBe(text.indexOf("oops"));
});

test("the place of the cursor says which keys lead there and what stands there", () => {
  expect(place('{"nodes": [{"id": "a", "type": "pro|"}]}')).toEqual({ keys: ["nodes", 0, "type"], naming: false, word: '"pro"' });
  expect(place('{"nodes": [{"id": "a"}, {"ty|"}]}')).toEqual({ keys: ["nodes", 1], naming: true, word: '"ty"' });
  expect(place('{"nodes": [{"id": "a"}], |}')).toMatchObject({ keys: [], naming: true });
  expect(place('{"nodes": [{"config": {"method": |}}]}')).toMatchObject({ keys: ["nodes", 0, "config", "method"], naming: false });
  expect(place('{"edges": [{"source": "a", "target": "|"}]}')).toEqual({ keys: ["edges", 0, "target"], naming: false, word: '""' });
});

test("broken text is read as far as it goes", () => {
  const text = '{"name": "x", "nodes": [{"id": "a"}, {"id": ';
  expect(documentOf(tree(text), text)).toMatchObject({ name: "x", nodes: [{ id: "a" }, { id: null }] });
});
