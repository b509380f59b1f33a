import type { Difference, Json } from "../../api/types";
import "./changes.css";


const SIGNS = { added: "+", removed: "−", changed: "~" } as const;
const LONGEST = 2_000;

/** Differences path by path; each says by sign and word what happened. */
export function Changes({ changes, cut = false, none = "Nothing changed." }: { changes: readonly Difference[]; cut?: boolean; none?: string }) {
  if (changes.length === 0) return <p className="muted">{none}</p>;
  return (
    <>
      <ul className="changes">
        {changes.map((change) => (
          <li key={change.path + change.op} data-op={change.op}>
            <span className="changes-head"><span aria-hidden="true">{SIGNS[change.op]}</span> <code>{change.path || "(all)"}</code> <span className="muted">{change.op}</span></span>
            {change.op !== "added" && <pre className="changes-old"><span className="visually-hidden">was </span>{shown(change.from)}</pre>}
            {change.op !== "removed" && <pre className="changes-new"><span className="visually-hidden">is </span>{shown(change.to)}</pre>}
          </li>
        ))}
      </ul>
      {cut && <p className="muted">There are more differences than are shown.</p>}
    </>
  );
}

function shown(value: Json | undefined): string {
  const text = JSON.stringify(value, null, 2) ?? "";
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length} characters)` : text;
}
