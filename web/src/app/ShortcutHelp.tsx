import { Dialog } from "../ui/Dialog";

const GROUPS: { title: string; keys: [string, string][] }[] = [
  { title: "Everywhere", keys: [["Ctrl K", "Go to a page, a workflow or a run"], ["/", "Filter"], ["?", "This list"], ["Esc", "Close, leave a selection"]] },
  {
    title: "A run",
    keys: [
      ["J  K", "Next and previous node or event"], ["Enter", "Open it"], ["G T L", "Graph, timeline, list"], ["I", "Inspector"],
      ["C", "Checkpoints"], ["D", "What a checkpoint changed"], ["[  ]", "Earlier and later checkpoint"], ["E", "Errors only"],
      ["F", "Follow the log"], ["N  Shift N", "Next and previous failure"],
    ],
  },
  { title: "The graph", keys: [["→  ←", "Along the edges"], ["↑  ↓", "Between branches"], ["Enter", "Open the node"]] },
];

/** Every key that does something. */
export function ShortcutHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      {GROUPS.map((group) => (
        <section key={group.title} className="stack">
          <h3>{group.title}</h3>
          <dl className="keys">
            {group.keys.map(([keys, what]) => (
              <div key={keys}>
                <dt>{keys.split(/ {2}/).map((key) => <kbd key={key}>{key}</kbd>)}</dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Dialog>
  );
}
