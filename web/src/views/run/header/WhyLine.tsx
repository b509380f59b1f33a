import { useQuery } from "@tanstack/react-query";
import { useLive } from "../../../live/hooks";
import { clock } from "../../../ui/format";
import { useNow } from "../../../ui/useNow";
import { why } from "../executions";

const QUIET = 10_000;
/** Said elsewhere on the page already. */
const PLAIN: ReadonlySet<string> = new Set(["starting", "ended", "answer"]);

/** Why the run does not go on, where it does not. */
export function WhyLine({ projectId }: { projectId: string }) {
  const runId = useLive((view) => view.runId);
  const status = useLive((view) => view.status);
  const startedAt = useLive((view) => view.startedAt);
  const running = status === "RUNNING";
  const now = useNow(running, 5_000);
  const asks = status === "QUEUED" || status === "WAITING" || status === "PENDING" || (running && startedAt !== null && now - startedAt > QUIET);
  const { data } = useQuery({ ...why(projectId, runId, status), enabled: asks });
  if (!asks || data === undefined || PLAIN.has(data.code)) return null;
  return <p className="run-note" data-why={data.code}>{withClock(data.sentence)}</p>;
}

/** The sentence with its times as the reader's clock has them. */
export function withClock(sentence: string, now = Date.now()): string {
  return sentence.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (time) => clock(Date.parse(time), now));
}
