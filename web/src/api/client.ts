/** The one REST client: same-origin requests with the session's CSRF token, problems as errors. */
import type { Problem } from "./types";

/** Where the server's paths begin, whatever prefix a proxy puts in front. Ends with a slash. */
export const BASE = new URL(".", document.baseURI);

/** A refused request, or one that got no answer (`status` 0). */
export class ApiError extends Error {
  override name = "ApiError";

  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
  }

  get status(): number {
    return this.problem.status;
  }
}

let csrfToken: string | null = null;

/** What `GET /api/me` told; sent with every request that changes something. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

/** The URL of an API path such as `api/me`, with a query; null and undefined are left out, lists repeat. */
export function url(path: string, query: Record<string, unknown> = {}): string {
  const target = new URL(path, BASE);
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") target.searchParams.append(name, String(each));
    }
  }
  return target.href;
}

export interface Request {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  query?: Record<string, unknown>;
  body?: unknown;
  signal?: AbortSignal;
}

/**
 * Ask the server.
 * @throws ApiError for every answer that is not 2xx, and when there is none.
 */
export async function call<Answer>(path: string, request: Request = {}): Promise<Answer> {
  const { method = "GET", query, body, signal } = request;
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && csrfToken !== null) headers["X-CSRF-Token"] = csrfToken;
  const init: RequestInit = { method, headers, credentials: "same-origin" };
  if (body !== undefined) init.body = JSON.stringify(body);
  if (signal !== undefined) init.signal = signal;
  let response: Response;
  try {
    response = await fetch(url(path, query), init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError({
      type: "about:blank", title: "No answer", status: 0, code: "unreachable",
      detail: "The server does not answer. It may be restarting, or the connection is down.",
    });
  }
  if (!response.ok) throw new ApiError(await problemOf(response));
  return (response.status === 204 ? undefined : await response.json()) as Answer;
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    const told: unknown = await response.json();
    if (typeof told === "object" && told !== null && "code" in told) return told as Problem;
  } catch {
    // Not ours: a proxy's page, say.
  }
  const title = response.statusText || `HTTP ${response.status}`;
  return { type: "about:blank", title, status: response.status, code: "http_error", detail: title };
}
