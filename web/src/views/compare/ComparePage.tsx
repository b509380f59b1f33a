import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { comparison } from "../../api/queries";
import { Button } from "../../ui/Button";
import { Changes } from "../../ui/json/Changes";
import { Empty, Failure, Loading } from "../../ui/Notice";
import { DefinitionChanges } from "./DefinitionChanges";
import { Divergence } from "./Divergence";
import { NodeTable } from "./NodeTable";
import { PathTable } from "./PathTable";
import { Sides } from "./Sides";
import "./compare.css";

const FROM = "/p/$project/compare";

/** Two runs side by side: where they part, and how they differ. */
export function ComparePage() {
  const { project } = useParams({ from: FROM });
  const { a, b } = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const { data, error, refetch } = useQuery({ ...comparison(project, a ?? "", b ?? ""), enabled: a !== undefined && b !== undefined });
  if (a === undefined || b === undefined) {
    return <Empty page title="Two runs are needed">Pick two in a workflow's list of runs, and choose Compare.</Empty>;
  }
  if (error !== null) return <Failure page error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Loading what="Comparing two runs" />;
  return (
    <div className="page">
      <div className="page-head">
        <h1>Compare runs</h1>
        <Button onClick={() => void navigate({ search: { a: b, b: a }, replace: true })}>Swap sides</Button>
      </div>
      <Sides project={project} found={data} />
      <Divergence found={data} />
      <Pane title="Step by step"><PathTable project={project} found={data} /></Pane>
      <Pane title="Node by node"><NodeTable found={data} /></Pane>
      <div className="compare-pair">
        <Pane title="Input" padded><Changes {...data.input} none="Both runs got the same input." /></Pane>
        <Pane title="Output" padded><Changes {...data.output} none="Both runs gave the same output." /></Pane>
      </div>
      <Pane title="Definition" padded><DefinitionChanges diff={data.definition} /></Pane>
    </div>
  );
}

function Pane({ title, padded = false, children }: { title: string; padded?: boolean; children: React.ReactNode }) {
  return (
    <section className="pane" aria-label={title}>
      <div className="pane-head"><h2>{title}</h2></div>
      <div className={padded ? "pane-body" : undefined}>{children}</div>
    </section>
  );
}
