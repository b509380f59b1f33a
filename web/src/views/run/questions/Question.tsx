import { useMutation } from "@tanstack/react-query";
import { type FormEvent, lazy, Suspense, useRef, useState } from "react";
import { ApiError, call } from "../../../api/client";
import { runPath } from "../../../api/queries";
import type { Interrupt, Json, Schema } from "../../../api/types";
import { Button } from "../../../ui/Button";
import { Countdown } from "../../../ui/Clock";
import { initialValue } from "../../../ui/form/initial";
import { toMs } from "../../../ui/format";
import { Icon } from "../../../ui/Icon";
import { Loading } from "../../../ui/Notice";
import { useFocusPassedOn } from "../../../ui/useFocusPassedOn";
import { withClock } from "../header/WhyLine";
import { isClosed, placed } from "./refusals";

const SchemaForm = lazy(() => import("../../../ui/form/SchemaForm").then((found) => ({ default: found.SchemaForm })));

/** What is asked where the question says nothing of its answer: a text, or any JSON. */
const ANYTHING: Schema = { type: "string", title: "Your answer" };

interface Props {
  projectId: string;
  runId: string;
  interrupt: Interrupt;
  may: boolean;
  /** Open from the beginning. */
  first: boolean;
  /** The question was no longer open: who was first, or that its time was over. */
  onClosed: (why: string) => void;
}

/** One question with the form for its answer. An answer that was sent shows until the run has taken it. */
export function Question({ projectId, runId, interrupt, may, first, onClosed }: Props) {
  const { interrupt_id: id, question, assignees, expires_at: expires } = interrupt;
  const schema = interrupt.schema ?? ANYTHING;
  const [value, setValue] = useState<Json>(() => initialValue(schema));
  const [readable, setReadable] = useState(true);
  const [open, setOpen] = useState(first);
  const sent = useMutation({
    mutationFn: (answer: Json) => call(`${runPath(projectId, runId)}/resume`, { method: "POST", body: { answers: { [id]: answer } } }),
    onError: (error) => {
      if (isClosed(error)) onClosed(withClock(error.message));
    },
  });
  const card = useRef<HTMLElement>(null);
  useFocusPassedOn(card);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    // The fields are disabled now: one of them may have had the focus.
    event.currentTarget.querySelector<HTMLElement>("[type=submit]")?.focus();
    sent.mutate(value);
  };
  const deadline = toMs(expires);
  const problems = placed(sent.error);
  const refused = sent.error !== null && problems.length === 0 && !isClosed(sent.error) ? sent.error : null;
  const title = question ?? "The run asks for an answer";
  return (
    <article ref={card} className="question" data-interrupt={id} aria-label={title}>
      <div className="question-head">
        <Icon name="waiting" />
        <h3>{title}</h3>
        {!first && <Button size="small" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? "Later" : "Answer"}</Button>}
      </div>
      <p className="question-facts">
        <span><code>{interrupt.path ?? interrupt.node_id}</code></span>
        {assignees.length > 0 && <span>Asked of {assignees.join(", ")}</span>}
        {deadline !== null && <span>Expires <Countdown to={deadline} late="now" /></span>}
      </p>
      {!may && <p className="muted">You may see this run, not answer for it.</p>}
      {may && open && (
        <form className="question-form" noValidate onSubmit={submit}>
          <Suspense fallback={<Loading what="Loading the form" />}>
            <SchemaForm schema={schema} value={value} onChange={setValue} problems={problems} label="Answer" disabled={sent.isPending || sent.isSuccess} onReadable={setReadable} />
          </Suspense>
          {refused !== null && <p className="problem" role="alert">{refused.message}{refused instanceof ApiError && refused.problem.request_id !== undefined && <> (request <code>{refused.problem.request_id}</code>)</>}</p>}
          <div className="row">
            <Button type="submit" kind="primary" busy={sent.isPending || sent.isSuccess} disabled={!readable}>
              {sent.isSuccess ? "Answered, the run takes it" : "Send the answer"}
            </Button>
          </div>
        </form>
      )}
    </article>
  );
}
