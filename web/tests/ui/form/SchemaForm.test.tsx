import { act, useState } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Json, Schema } from "../../../src/api/types";
import { SchemaForm } from "../../../src/ui/form/SchemaForm";
import type { PathProblem } from "../../../src/ui/form/path";

const SCHEMA: Schema = {
  type: "object", required: ["publish"],
  properties: {
    publish: { type: "boolean" }, comment: { type: "string", description: "Why." }, size: { type: "number" },
    to: { type: "array", items: { type: "string" } }, extra: { type: "object" },
  },
};
let root: Root;
let page: HTMLElement;
let last: Json;
let readable: boolean;

function Page({ start, problems }: { start: Json; problems: PathProblem[] }) {
  const [value, setValue] = useState(start);
  last = value;
  return <SchemaForm schema={SCHEMA} value={value} onChange={setValue} problems={problems} label="Answer" onReadable={(told) => { readable = told; }} />;
}

const show = (start: Json, problems: PathProblem[] = []) => act(() => root.render(<Page start={start} problems={problems} />));
const find = <Found extends HTMLElement>(selector: string): Found => {
  const found = page.querySelector<Found>(selector);
  if (found === null) throw new Error(`no ${selector} in ${page.innerHTML}`);
  return found;
};
const control = (name: string): HTMLInputElement => {
  const label = [...page.querySelectorAll("label")].find((each) => each.textContent?.startsWith(name));
  return find<HTMLInputElement>(`[id="${label?.htmlFor}"]`);
};
const press = (text: string) => act(() => [...page.querySelectorAll("button")].find((each) => each.textContent === text)?.click());
function type(element: HTMLInputElement, text: string): void {
  const prototype = element.tagName === "TEXTAREA" ? HTMLTextAreaElement.prototype : HTMLInputElement.prototype;
  act(() => {
    Object.getOwnPropertyDescriptor(prototype, "value")?.set?.call(element, text);
    element.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  readable = true;
  page = document.createElement("div");
  document.body.append(page);
  root = createRoot(page);
});
afterEach(() => {
  act(() => root.unmount());
  page.remove();
});

test("what is typed is in the value, and what is emptied leaves it", () => {
  show({});
  type(control("Comment"), "fine");
  type(control("Size"), "1.");
  expect(control("Size").value).toBe("1.");
  expect(last).toEqual({ comment: "fine", size: 1 });
  type(control("Comment"), "");
  type(control("Size"), "much");
  expect(last).toEqual({ size: "much" });
});

test("neither yes nor no is chosen until somebody does", () => {
  show({});
  expect([...page.querySelectorAll<HTMLInputElement>("[type=radio]")].some((each) => each.checked)).toBe(false);
  act(() => find("[type=radio]").click());
  expect(last).toEqual({ publish: true });
});

test("entries are added, moved and removed", () => {
  show({ to: ["a", "b"] });
  act(() => find("[aria-label='Move entry 2 up']").click());
  expect(last).toEqual({ to: ["b", "a"] });
  press("Add entry");
  expect(last).toEqual({ to: ["b", "a", ""] });
  for (const _ of [1, 2, 3]) act(() => find("[aria-label='Remove entry 1']").click());
  expect(last).toEqual({});
});

test("the switch to JSON and back keeps the value, also keys that have no field", () => {
  show({ comment: "fine", other: [1] });
  press("JSON");
  const text = find<HTMLTextAreaElement>("textarea");
  expect(JSON.parse(text.value)).toEqual({ comment: "fine", other: [1] });
  type(text as never, '{"comment": "changed", "other": [1]}');
  press("Form");
  expect(control("Comment").value).toBe("changed");
  expect(last).toEqual({ comment: "changed", other: [1] });
});

test("JSON that cannot be read is told, and changes nothing", () => {
  show({ comment: "fine" });
  press("JSON");
  type(find<HTMLTextAreaElement>("textarea") as never, '{"comment": ');
  expect(page.querySelector("[role=alert]")?.textContent).toContain("not JSON");
  expect([readable, last]).toEqual([false, { comment: "fine" }]);
  type(find<HTMLTextAreaElement>("textarea") as never, "{}");
  expect([readable, last]).toEqual([true, {}]);
});

test("a problem is tied to its field, as the hint is", () => {
  show({}, [{ path: "comment", message: "Too short." }]);
  const field = control("Comment");
  expect(field.getAttribute("aria-invalid")).toBe("true");
  const told = (field.getAttribute("aria-describedby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent);
  expect(told).toEqual(["Why.", "Too short."]);
});
