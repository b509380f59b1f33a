import type { Marked } from "../../../editor/Editor";
import { Icon } from "../../../ui/Icon";
import { Failure } from "../../../ui/Notice";
import { definitionIn } from "./draft";
import { placeName } from "./placeName";

interface Props {
  problems: readonly Marked[] | null;
  failure: unknown;
  text: string;
  onGo: (path: string) => void;
}

/** What is wrong with the definition; each leads to its place. */
export function Problems({ problems, failure, text, onGo }: Props) {
  const errors = problems?.filter(({ severity }) => severity === "error").length ?? 0;
  const read = definitionIn(text);
  return (
    <section className="pane definition-problems" aria-labelledby="problems">
      <div className="pane-head"><h2 id="problems">{heading(problems, errors)}</h2></div>
      {failure !== null && <Failure error={failure} />}
      {problems?.length === 0 && <p className="pane-body muted">It would run as it stands.</p>}
      <ul className="problem-list">
        {problems?.map((problem, index) => (
          <li key={index}>
            <button type="button" onClick={() => onGo(problem.path)} data-severity={problem.severity}>
              <Icon name={problem.severity === "error" ? "failed" : "warning"} />
              <span>
                <strong>{"definition" in read ? placeName(problem.path, read.definition) : "JSON"}</strong>
                <span className="visually-hidden"> {problem.severity}:</span> {problem.message}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <p className="visually-hidden" role="status">{heading(problems, errors)}</p>
    </section>
  );
}

function heading(problems: readonly Marked[] | null, errors: number): string {
  if (problems === null) return "Checking…";
  const warnings = problems.length - errors;
  const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? "" : "s"}`;
  if (problems.length === 0) return "No problems";
  return [errors > 0 && count(errors, "problem"), warnings > 0 && count(warnings, "warning")].filter(Boolean).join(", ");
}
