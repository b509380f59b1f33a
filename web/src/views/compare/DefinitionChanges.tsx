import type { DefinitionDiff, Json } from "../../api/types";

const LONGEST = 400;

/** How two definitions differ: nodes, edges, and what stands beside them. */
export function DefinitionChanges({ diff }: { diff: DefinitionDiff }) {
  if (diff.equal) return <p className="muted">Both ran the same definition.</p>;
  return (
    <div className="stack">
      <Part title="Nodes added" values={diff.nodes.added} />
      <Part title="Nodes removed" values={diff.nodes.removed} />
      <Part title="Nodes changed" values={diff.nodes.changed} />
      <Part title="Edges added" values={diff.edges.added} />
      <Part title="Edges removed" values={diff.edges.removed} />
      <Part title="Other keys" values={diff.keys} />
      {diff.reordered && <p>The nodes stand in another order.</p>}
      {diff.cut && <p className="muted">There are more differences than are shown.</p>}
    </div>
  );
}

function Part({ title, values }: { title: string; values: readonly Json[] }) {
  if (values.length === 0) return null;
  return (
    <section>
      <h3>{title} <span className="muted">{values.length}</span></h3>
      <ul className="compare-values">{values.map((each, index) => <li key={index}><code>{shown(each)}</code></li>)}</ul>
    </section>
  );
}

function shown(value: Json): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
