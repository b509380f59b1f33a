import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { NodeView } from "../../../model/run";
import { Button } from "../../../ui/Button";
import { duration } from "../../../ui/format";
import { Icon } from "../../../ui/Icon";
import { JsonView } from "../../../ui/json/JsonView";
import { Empty, Failure, Loading } from "../../../ui/Notice";
import { Status } from "../../../ui/Status";
import { items, itemsMark, type Item } from "../executions";

const PAGE = 50;

interface Props {
  projectId: string;
  runId: string;
  nodeId: string;
  view: NodeView | undefined;
}

/** The single items of a fan-out. */
export function Items({ projectId, runId, nodeId, view }: Props) {
  const [failed, setFailed] = useState(false);
  const [count, setCount] = useState(PAGE);
  const { data, error, refetch, isFetching } = useQuery(items(projectId, runId, nodeId, itemsMark(view), count, failed));
  if (error !== null && data === undefined) return <Failure error={error} retry={() => void refetch()} />;
  const counts = view?.items;
  return (
    <div className="stack">
      <div className="row">
        {counts != null && <span className="muted small numeric">{counts.completed} of {counts.total} done{counts.failed > 0 && `, ${counts.failed} failed`}</span>}
        <button type="button" className="chip" data-tone="error" aria-pressed={failed} onClick={() => { setFailed(!failed); setCount(PAGE); }}>Failed only</button>
      </div>
      {data === undefined && <Loading what="Loading items" />}
      {data?.items.length === 0 && <Empty title={failed ? "No item failed" : "No item has ended yet"} />}
      <ul className="items">{data?.items.map((item) => <ItemLine key={item.item} item={item} />)}</ul>
      {data?.more === true && <Button size="small" busy={isFetching} onClick={() => setCount(count + PAGE * 2)}>Show more</Button>}
    </div>
  );
}

function ItemLine({ item }: { item: Item }) {
  const [open, setOpen] = useState(false);
  return (
    <li className="item" data-item={item.item}>
      <button type="button" className="item-head" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="chevron" /> <span className="numeric">#{item.item}</span> <Status status={item.status} />
        <span className="item-said">{item.error?.message ?? ""}</span>
        <span className="muted small numeric">{item.duration_ms === null ? "" : duration(item.duration_ms)}</span>
      </button>
      {open && <JsonView value={item.output} name={`${item.node_id}-${item.item}`} />}
    </li>
  );
}
