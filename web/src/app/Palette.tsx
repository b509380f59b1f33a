import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useDeferredValue, useId, useState, type KeyboardEvent } from "react";
import { runs, workflows } from "../api/queries";
import { Dialog } from "../ui/Dialog";
import { destinations } from "./destinations";
import { useProjects } from "./me";

/** Type where to go: a combobox over pages, workflows and runs of the project that is shown. */
export function Palette({ onClose }: { onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const id = useId();
  const navigate = useNavigate();
  const projects = useProjects() ?? [];
  const params = useParams({ strict: false });
  const project = params.project ?? projects[0]?.slug ?? "default";
  const q = useDeferredValue(typed.trim());
  const known = useQuery(workflows(project)).data?.items ?? [];
  const found = useQuery(runs(project, { limit: 8, ...(q === "" ? {} : { q }) })).data?.items ?? [];
  const all = destinations(typed, { projects, workflows: known, runs: found, project });
  const selected = Math.min(at, all.length - 1);
  const go = (href: string | undefined) => {
    if (href === undefined) return;
    onClose();
    void navigate({ to: href });
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt((selected + 1) % Math.max(1, all.length));
    else if (event.key === "ArrowUp") setAt((selected - 1 + all.length) % Math.max(1, all.length));
    else if (event.key === "Enter") go(all[selected]?.href);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Go to" onClose={onClose}>
      <input
        className="input" data-autofocus role="combobox" aria-label="A page, a workflow or a run" aria-expanded="true" aria-controls={id}
        aria-activedescendant={all.length > 0 ? `${id}-${selected}` : undefined} placeholder="A page, a workflow, or the beginning of a run's id"
        value={typed} onChange={(event) => { setTyped(event.target.value); setAt(0); }} onKeyDown={keys}
      />
      <ul className="palette" role="listbox" id={id} aria-label="Destinations">
        {all.map((each, index) => (
          <li
            key={each.group + each.key} id={`${id}-${index}`} role="option" aria-selected={index === selected}
            data-first={each.group !== all[index - 1]?.group ? each.group : undefined} onClick={() => go(each.href)} onPointerMove={() => setAt(index)}
          >
            <span>{each.label}</span>
            <span className="muted">{each.hint}</span>
          </li>
        ))}
      </ul>
      {all.length === 0 && <p className="muted" role="status">Nothing fits “{typed}”.</p>}
    </Dialog>
  );
}
