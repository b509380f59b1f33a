import { QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError } from "../api/client";
import { me } from "../api/queries";

/** Reads are tried again when the server did not answer or failed, not when it refused. A lost session is noticed at once. */
export function createQueryClient(): QueryClient {
  const retry = (failures: number, error: unknown) =>
    failures < 3 && !(error instanceof ApiError && error.status >= 400 && error.status < 500);
  const queryCache = new QueryCache({
    onError: (error, query) => {
      const lost = error instanceof ApiError && error.status === 401;
      if (lost && query.queryKey[0] !== "me") void client.invalidateQueries({ queryKey: me.queryKey });
    },
  });
  const client = new QueryClient({ queryCache, defaultOptions: { queries: { retry, staleTime: 5_000, refetchOnWindowFocus: true } } });
  return client;
}
