import { duration } from "../../../ui/format";
import { Status } from "../../../ui/Status";
import type { Item } from "../executions";
import { firstLine, type RowProps } from "./NodeRow";

/** One item of a fan-out that is open in the list. */
export function ItemRow({ item, depth, index, top, active, onPick }: RowProps & { item: Item; depth: number }) {
  return (
    <div
      role="row" id={`node-row-${index}`} aria-rowindex={index + 2} aria-level={depth + 1} aria-selected={false} className="list-row" data-item={item.item}
      data-node-item={item.node_id} data-active={active || undefined} style={{ top }} onClick={() => onPick(index)}
    >
      <span role="gridcell" className="list-name" style={{ paddingLeft: `${depth * 1.25}rem` }}><span className="list-open" />#{item.item}</span>
      <span role="gridcell" className="list-status"><Status status={item.status} /></span>
      <span role="gridcell" className="list-type muted">item</span>
      <span role="gridcell" className="list-number numeric">{item.attempt > 1 ? item.attempt : ""}</span>
      <span role="gridcell" className="list-number" />
      <span role="gridcell" className="list-number numeric">{item.duration_ms === null ? "" : duration(item.duration_ms)}</span>
      <span role="gridcell" className="list-said">{item.error !== null && <span className="list-error">{firstLine(item.error.message)}</span>}</span>
    </div>
  );
}
