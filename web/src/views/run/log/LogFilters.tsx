import { useId, type RefObject } from "react";
import { Button } from "../../../ui/Button";
import { Icon } from "../../../ui/Icon";
import { GROUP_NAMES, GROUPS, type Group } from "./lines";
import type { Filter } from "./LogRows";

interface Props {
  filter: Filter;
  onChange: (filter: Filter) => void;
  search: RefObject<HTMLInputElement | null>;
  /** The node that can be filtered by: the one that is selected. */
  node: string | null;
}

/** What the log shows: kinds of events, errors only, one node, a text. */
export function LogFilters({ filter, onChange, search, node }: Props) {
  const id = useId();
  const toggle = (group: Group) => {
    const groups = new Set(filter.groups);
    if (!groups.delete(group)) groups.add(group);
    onChange({ ...filter, groups, errorsOnly: false });
  };
  const offered = filter.node ?? node;
  return (
    <div className="log-filters">
      <label className="log-search" htmlFor={id}>
        <Icon name="search" />
        <span className="visually-hidden">Filter events by text</span>
        <input
          id={id} ref={search} type="search" className="input" placeholder="Filter  /" value={filter.text}
          onChange={(event) => onChange({ ...filter, text: event.target.value })}
          onKeyDown={(event) => { if (event.key === "Escape") event.currentTarget.blur(); }}
        />
      </label>
      <div className="chips" role="group" aria-label="Kinds of events">
        {GROUPS.map((group) => (
          <button key={group} type="button" className="chip" aria-pressed={!filter.errorsOnly && filter.groups.has(group)} onClick={() => toggle(group)}>
            {GROUP_NAMES[group]}
          </button>
        ))}
        <button
          type="button" className="chip" data-tone="error" aria-pressed={filter.errorsOnly} aria-keyshortcuts="E"
          onClick={() => onChange({ ...filter, errorsOnly: !filter.errorsOnly })}
        >
          Errors only
        </button>
        {offered !== null && (
          <button
            type="button" className="chip" aria-pressed={filter.node !== null} onClick={() => onChange({ ...filter, node: filter.node === null ? node : null })}
          >
            Only <code>{offered}</code>
          </button>
        )}
      </div>
      {filter.text !== "" && <Button kind="plain" size="small" icon="close" onClick={() => onChange({ ...filter, text: "" })}>Clear</Button>}
    </div>
  );
}
