import { lazy, Suspense, useDeferredValue, useMemo } from "react";
import type { Marked } from "../../../editor/Editor";
import { Loading } from "../../../ui/Notice";
import { definitionIn } from "./draft";
import { graphOf, pathsOf, wrongIn } from "./draftGraph";

const GraphView = lazy(async () => ({ default: (await import("../../../graph/GraphView")).GraphView }));

interface Props {
  text: string;
  problems: readonly Marked[] | null;
  onGo: (path: string) => void;
}

/** The graph of what is being written; nodes with problems are marked, and choosing one leads to its text. */
export function DraftGraph({ text, problems, onGo }: Props) {
  const later = useDeferredValue(text);
  const definition = useMemo(() => {
    const read = definitionIn(later);
    return "definition" in read ? read.definition : null;
  }, [later]);
  // The graph's own text is its key, so that a change of a config does not lay it out anew.
  const drawn = definition === null ? null : JSON.stringify(graphOf(definition, wrongIn(definition, problems ?? [])));
  const graph = useMemo(() => (drawn === null ? null : (JSON.parse(drawn) as ReturnType<typeof graphOf>)), [drawn]);
  if (definition === null || graph === null) return null;
  return (
    <section className="pane" aria-labelledby="draft-graph">
      <div className="pane-head"><h2 id="draft-graph">Graph</h2></div>
      <div className="definition-graph">
        <Suspense fallback={<Loading />}>
          <GraphView graph={graph} source={null} selected={null} onSelect={(id) => { if (id !== null) onGo(pathsOf(definition).get(id) ?? ""); }} />
        </Suspense>
      </div>
    </section>
  );
}
