import type { Json } from "../api/types";

/** JSON as people write it: what fits in a line stays in one, two spaces inwards otherwise. */
export function pretty(value: Json, width = 100, indent = ""): string {
  const flat = inOneLine(value);
  if (flat.length + indent.length <= width || typeof value !== "object" || value === null) return flat;
  const inner = `${indent}  `;
  const parts = Array.isArray(value)
    ? value.map((each) => pretty(each, width, inner))
    : Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${pretty(each, width, inner)}`);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  return parts.length === 0 ? flat : `${open}\n${parts.map((part) => inner + part).join(",\n")}\n${indent}${close}`;
}

function inOneLine(value: Json): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(inOneLine).join(", ")}]`;
  const parts = Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${inOneLine(each)}`);
  return parts.length === 0 ? "{}" : `{${parts.join(", ")}}`;
}
