import type { Comparison } from "../../api/types";
import { Changes } from "../../ui/json/Changes";

const BECAUSE: Record<string, string> = {
  only_left: "it ran in A only", only_right: "it ran in B only", input: "it got another input", status: "it ended in another way",
  output: "it gave another output", error: "it failed in another way",
};

/** The first place where the runs part, as a sentence, and how. */
export function Divergence({ found }: { found: Comparison }) {
  const { first_divergence: first, common_ancestor: ancestor } = found;
  return (
    <section className="pane compare-verdict" aria-labelledby="divergence">
      <h2 id="divergence" className="visually-hidden">First divergence</h2>
      {ancestor !== null && found.left.run_id !== found.right.run_id && <p className="muted">Both go back to run <code>{ancestor.run_id}</code>.</p>}
      {first === null && <p><strong>The runs do not part.</strong> Every node ran in the same order with the same result.</p>}
      {first !== null && (
        <>
          <p><strong>They part at <code>{first.node_id}</code>:</strong> {BECAUSE[first.because] ?? first.because}.</p>
          {!first.input.equal && <><h3>Input</h3><Changes {...first.input} /></>}
          {!first.output.equal && <><h3>Output</h3><Changes {...first.output} /></>}
        </>
      )}
    </section>
  );
}
