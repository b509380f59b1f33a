import { useId, useState, type ReactNode } from "react";
import { Button } from "../../../ui/Button";
import { Chart } from "./Chart";
import type { Line } from "./series";

interface Props {
  title: string;
  times: readonly number[];
  lines: readonly Line[];
  format: (value: number) => string;
  /** The same figures as rows. */
  table: ReactNode;
}

/** A chart and its table, one at a time. */
export function ChartPane({ title, times, lines, format, table }: Props) {
  const [asTable, setAsTable] = useState(false);
  const id = useId();
  return (
    <section className="pane" aria-labelledby={id}>
      <div className="pane-head">
        <h2 id={id}>{title}</h2>
        <div className="form-switch" role="group" aria-label={`${title} as`}>
          <Button size="small" kind="plain" aria-pressed={!asTable} onClick={() => setAsTable(false)}>Chart</Button>
          <Button size="small" kind="plain" aria-pressed={asTable} onClick={() => setAsTable(true)}>Table</Button>
        </div>
      </div>
      {asTable ? <div className="scroll-x stats-table" tabIndex={0} role="region" aria-label={`Table: ${title}`}>{table}</div> : (
        <div className="pane-body">
          <ul className="stats-legend">
            {lines.map((line) => <li key={line.label}><span className="stats-key" data-kind={line.kind} data-dashed={line.dashed || undefined} data-colour={line.colour} aria-hidden="true" />{line.label}</li>)}
          </ul>
          <Chart label={`${title}. The table has the figures.`} times={times} lines={lines} format={format} />
        </div>
      )}
    </section>
  );
}
