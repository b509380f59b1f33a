import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "../api/client";

/** Reads are tried again when the server did not answer or failed, not when it refused. */
export function createQueryClient(): QueryClient {
  const retry = (failures: number, error: unknown) =>
    failures < 3 && !(error instanceof ApiError && error.status >= 400 && error.status < 500);
  return new QueryClient({ defaultOptions: { queries: { retry, staleTime: 5_000, refetchOnWindowFocus: true } } });
}
