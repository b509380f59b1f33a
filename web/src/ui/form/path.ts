/** Places in a value, written as the server writes them: `to[2].name`; the value itself is the empty path. */
export interface PathProblem {
  path: string;
  message: string;
}

export type Key = string | number;

/** The path of `key` inside `path`. */
export function into(path: string, key: Key): string {
  if (typeof key === "number") return `${path}[${key}]`;
  return path === "" ? key : `${path}.${key}`;
}

/** The keys that a path goes through: `to[2].name` → `["to", 2, "name"]`. */
export function keysOf(path: string): Key[] {
  return [...path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map((match) => (match[1] !== undefined ? Number(match[1]) : (match[2] ?? "")));
}

/** Problems inside `prefix`, with paths from there; those elsewhere are put at the top. */
export function below(problems: readonly PathProblem[], prefix: string): PathProblem[] {
  return problems.map(({ path, message }) => {
    if (path === prefix) return { path: "", message };
    if (path.startsWith(`${prefix}.`)) return { path: path.slice(prefix.length + 1), message };
    return path.startsWith(`${prefix}[`) ? { path: path.slice(prefix.length), message } : { path: "", message: path === "" ? message : `${path}: ${message}` };
  });
}
