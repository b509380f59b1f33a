/** What the run asks of people, above everything else on its page. */
import { lazy, Suspense, useCallback, useState } from "react";
import { usePermissions } from "../../../app/me";
import { useLive } from "../../../live/hooks";
import { Button } from "../../../ui/Button";
import { Icon } from "../../../ui/Icon";
import { Loading } from "../../../ui/Notice";
import "./questions.css";

const Question = lazy(() => import("./Question").then((found) => ({ default: found.Question })));

const FEW = 3;

export function Questions({ projectId }: { projectId: string }) {
  const runId = useLive((view) => view.runId);
  const interrupts = useLive((view) => view.interrupts);
  const status = useLive((view) => view.status);
  const may = usePermissions(projectId).has("can_execute");
  const [all, setAll] = useState(false);
  const [lost, setLost] = useState<string | null>(null);
  const closed = useCallback((why: string) => setLost(why), []);
  const ended = status === "COMPLETED" || status === "FAILED" || status === "CANCELLED" || status === "PENDING";
  const open = ended ? [] : interrupts;
  if (open.length === 0 && lost === null) return null;
  const shown = all ? open : open.slice(0, FEW);
  return (
    <section className="questions" aria-label="Questions that wait for an answer">
      {lost !== null && (
        <p className="questions-lost" role="alert">
          <Icon name="warning" /> {lost} <Button kind="plain" size="small" icon="close" aria-label="Dismiss" onClick={() => setLost(null)} />
        </p>
      )}
      {open.length > 1 && <h2>{open.length} questions wait for an answer</h2>}
      <Suspense fallback={<Loading what="Loading the question" />}>
        {shown.map((interrupt, at) => (
          <Question
            key={interrupt.interrupt_id} projectId={projectId} runId={runId} interrupt={interrupt} may={may} first={at === 0} onClosed={closed}
          />
        ))}
      </Suspense>
      {open.length > shown.length && <Button size="small" onClick={() => setAll(true)}>Show {open.length - shown.length} more</Button>}
    </section>
  );
}
