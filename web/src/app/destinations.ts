/** Where the palette can go: pages, workflows and runs that fit what was typed. */
import type { Project, RunSummary, WorkflowSummary } from "../api/types";
import { statusWord } from "../ui/Status";

export interface Destination {
  key: string;
  group: "Pages" | "Workflows" | "Runs";
  label: string;
  hint: string;
  href: string;
}

const SHOWN = 8;

/** How well `text` fits `typed`: 0 for not at all; whole words and beginnings count more. */
export function fit(text: string, typed: string): number {
  const [where, what] = [text.toLowerCase(), typed.trim().toLowerCase()];
  if (what === "") return 1;
  if (where.startsWith(what)) return 4;
  if (where.includes(` ${what}`)) return 3;
  if (where.includes(what)) return 2;
  let at = 0;
  for (const letter of where) if (letter === what[at]) at += 1;
  return at === what.length ? 1 : 0;
}

interface Known {
  projects: readonly Project[];
  workflows: readonly WorkflowSummary[];
  runs: readonly RunSummary[];
  /** The project that the workflows and runs are of: its slug. */
  project: string;
}

/** The best destinations of each kind, pages first. Runs were found by the server and stay in its order. */
export function destinations(typed: string, known: Known): Destination[] {
  const pages: Destination[] = [
    { key: "home", group: "Pages", label: "Home", hint: "Workflows and what runs now", href: "/" },
    { key: "inbox", group: "Pages", label: "Inbox", hint: "Questions, notifications, tasks", href: "/inbox" },
    ...known.projects.map((each): Destination => (
      { key: each.slug, group: "Pages", label: each.name, hint: "Project", href: `/?project=${encodeURIComponent(each.slug)}` })),
  ];
  const base = `/p/${encodeURIComponent(known.project)}`;
  const workflows = known.workflows.map((each): Destination => (
    { key: each.workflow_id, group: "Workflows", label: each.name, hint: "Workflow", href: `${base}/w/${each.workflow_id}` }));
  const names = new Map(known.workflows.map((each) => [each.workflow_id, each.name]));
  const runs = known.runs.map((each): Destination => ({
    key: each.run_id, group: "Runs", label: `${names.get(each.workflow_id) ?? "Run"} · ${each.run_id.slice(-12)}`,
    hint: statusWord(each.status), href: `${base}/runs/${each.run_id}`,
  }));
  return [...best(pages, typed), ...best(workflows, typed), ...runs.slice(0, SHOWN)];
}

function best(all: readonly Destination[], typed: string): Destination[] {
  const rated = all.map((each) => ({ each, rate: fit(each.label, typed) })).filter(({ rate }) => rate > 0);
  return rated.sort((one, other) => other.rate - one.rate).slice(0, SHOWN).map(({ each }) => each);
}
