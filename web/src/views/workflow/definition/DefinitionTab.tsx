import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo, useRef, useState } from "react";
import { nodeTypes } from "../../../api/queries";
import type { OlderRuns, Workflow } from "../../../api/types";
import { usePermissions } from "../../../app/me";
import { definitionCompletion } from "../../../editor/completion";
import { Editor, type EditorHandle } from "../../../editor/Editor";
import { pretty } from "../../../editor/pretty";
import { Button } from "../../../ui/Button";
import { Copy } from "../../../ui/Copy";
import { TestDialog } from "../start/TestDialog";
import { download } from "../../../ui/json/download";
import { fileName } from "./fileName";
import { definitionIn, type Draft } from "./draft";
import "./definition.css";
import { DraftGraph } from "./DraftGraph";
import { OlderRunsNote } from "./OlderRunsNote";
import { Problems } from "./Problems";
import { SaveDialog } from "./SaveDialog";
import { useValidation } from "./useValidation";
import { VersionChanges } from "./VersionChanges";

const route = getRouteApi("/p/$project/w/$workflow");

interface Props {
  project: string;
  workflow: Workflow;
  draft: Draft;
}

/** The definition: to be read, edited, tried and stored as a new version, and compared with other versions. */
export function DefinitionTab({ project, workflow, draft }: Props) {
  const { against } = route.useSearch();
  if (against !== undefined) return <VersionChanges project={project} workflow={workflow} against={against} />;
  return <Edit project={project} workflow={workflow} draft={draft} />;
}

function Edit({ project, workflow, draft }: Props) {
  const may = usePermissions(project);
  const readOnly = workflow.kind === "python" || workflow.archived_at !== null || !may.has("can_edit");
  const { problems, failure, check } = useValidation(project);
  const types = useQuery({ ...nodeTypes, enabled: !readOnly }).data;
  const complete = useMemo(() => (types === undefined ? undefined : definitionCompletion(types)), [types]);
  const [saved, setSaved] = useState<OlderRuns | null>(null);
  const editor = useRef<EditorHandle>(null);
  return (
    <div className="definition">
      <section className="pane definition-main" aria-label="Definition">
        <Bar project={project} workflow={workflow} draft={draft} readOnly={readOnly} onSaved={setSaved} blocked={problems?.some(({ severity }) => severity === "error") ?? false} />
        {saved !== null && <OlderRunsNote project={project} workflow={workflow} older={saved} onClose={() => setSaved(null)} />}
        <div className="definition-editor">
          <Editor
            ref={editor} text={draft.text} label={`Definition of ${workflow.name}`} readOnly={readOnly}
            {...(!readOnly && { onChange: draft.setText, check, ...(complete !== undefined && { complete }) })}
          />
        </div>
      </section>
      {!readOnly && (
        <div className="stack definition-side">
          <Problems problems={problems} failure={failure} text={draft.text} onGo={(path) => editor.current?.goTo(path)} />
          <DraftGraph text={draft.text} problems={problems} onGo={(path) => editor.current?.goTo(path)} />
        </div>
      )}
    </div>
  );
}

interface BarProps extends Props {
  readOnly: boolean;
  blocked: boolean;
  onSaved: (older: OlderRuns | null) => void;
}

function Bar({ project, workflow, draft, readOnly, blocked, onSaved }: BarProps) {
  const [open, setOpen] = useState<"save" | "test" | null>(null);
  const read = definitionIn(draft.text);
  const format = (): void => { if ("definition" in read) draft.setText(pretty(read.definition)); };
  return (
    <div className="pane-head">
      <h2>{readOnly ? readOnlyWhy(workflow) : draft.changed ? "Unsaved changes" : `Version ${workflow.version}`}</h2>
      <Against workflow={workflow} />
      {!readOnly && <Button size="small" disabled={"problem" in read} onClick={format}>Format</Button>}
      <Copy text={() => draft.text} what="the definition" />
      <Button kind="plain" size="small" onClick={() => download(`${fileName(workflow.name)}.json`, draft.text)}>Download</Button>
      {!readOnly && (
        <>
          <Button size="small" disabled={!draft.changed} onClick={draft.discard}>Discard</Button>
          <Button size="small" disabled={!draft.changed || blocked || "problem" in read} onClick={() => setOpen("test")}>Test draft</Button>
          <Button size="small" kind="primary" disabled={!draft.changed || blocked || "problem" in read} onClick={() => setOpen("save")}>Review and save</Button>
        </>
      )}
      {open === "save" && "definition" in read && (
        <SaveDialog project={project} workflow={workflow} draft={draft} definition={read.definition} onSaved={onSaved} onClose={() => setOpen(null)} />
      )}
      {open === "test" && "definition" in read && <TestDialog project={project} workflow={workflow} draft={read.definition} onClose={() => setOpen(null)} />}
    </div>
  );
}

function readOnlyWhy(workflow: Workflow): string {
  if (workflow.kind === "python") return "Written in Python: the source is where it is defined";
  return workflow.archived_at !== null ? "Archived" : `Version ${workflow.version}`;
}

function Against({ workflow }: { workflow: Workflow }) {
  const navigate = route.useNavigate();
  if (workflow.latest_version < 2) return null;
  const other = workflow.version > 1 ? workflow.version - 1 : 2;
  return <Button kind="plain" size="small" onClick={() => void navigate({ search: (before) => ({ ...before, against: other }) })}>Compare versions</Button>;
}
