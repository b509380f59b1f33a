/** Reads values out of an event's data, which may be cut or of another version. */
import type { Json, JsonObject, RunError } from "../api/types";

export const text = (value: Json | undefined): string | null => (typeof value === "string" ? value : null);
export const number = (value: Json | undefined): number | null => (typeof value === "number" ? value : null);
export const record = (value: Json | undefined): JsonObject | null =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
export const list = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : []);
export const texts = (value: Json | undefined): string[] => list(value).filter((each): each is string => typeof each === "string");

/** Milliseconds since 1970 of an ISO time. */
export function time(value: Json | undefined): number | null {
  const at = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? null : at;
}

export function runError(value: Json | undefined): RunError | null {
  const told = record(value);
  if (told === null) return null;
  const error = {
    code: text(told["code"]) ?? "", type: text(told["type"]) ?? "", message: text(told["message"]) ?? "", node_id: text(told["node_id"]),
  };
  const traceback = text(told["traceback"]);
  return traceback === null ? error : { ...error, traceback };
}

/** What a run or a node waits for. */
export function waiting(value: Json | undefined): "answer" | "time" | "event" | null {
  return value === "answer" || value === "time" || value === "event" ? value : null;
}
