/** Why an answer was not taken. */
import { ApiError } from "../../../api/client";
import { below, type PathProblem } from "../../../ui/form/path";

const CLOSED: ReadonlySet<string> = new Set(["already_answered", "question_expired"]);

/** Somebody was faster, or the time was over: nothing in the form is wrong. */
export function isClosed(error: unknown): boolean {
  return error instanceof ApiError && CLOSED.has(error.problem.code);
}

/** What the server says is wrong with the answer, by its place in it. */
export function placed(error: unknown): PathProblem[] {
  if (!(error instanceof ApiError) || error.status !== 422) return [];
  return below(error.problem.errors ?? [], "answer");
}
