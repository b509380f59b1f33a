import { autocompletion, type CompletionSource } from "@codemirror/autocomplete";
import { json } from "@codemirror/lang-json";
import { syntaxTree } from "@codemirror/language";
import { linter, lintGutter, type Diagnostic } from "@codemirror/lint";
import { unifiedMergeView } from "@codemirror/merge";
import { Annotation, EditorState, type Extension } from "@codemirror/state";
import { EditorView, type ViewUpdate } from "@codemirror/view";
import { basicSetup } from "codemirror";
import { useEffect, useImperativeHandle, useRef, type Ref } from "react";
import "./editor.css";
import { sheetNonce } from "../ui/json/nonce";
import { rangeOf } from "./places";
import { theme } from "../ui/json/theme";

export interface Marked {
  path: string;
  message: string;
  severity: "error" | "warning";
}

export interface EditorHandle {
  /** Put the cursor where a path stands. */
  goTo: (path: string) => void;
}

interface Props {
  text: string;
  onChange?: (text: string) => void;
  label: string;
  readOnly?: boolean;
  /** Called when typing pauses: what is wrong, to be marked in the text. */
  check?: (text: string) => Promise<readonly Marked[]>;
  complete?: CompletionSource;
  /** Show what has changed since this text. */
  original?: string;
  ref?: Ref<EditorHandle>;
}

const PAUSE = 400;
/** On texts that come from outside, so that they are not told as typed. */
const given = Annotation.define<boolean>();
const typed = (update: ViewUpdate): boolean => update.docChanged && !update.transactions.some((each) => each.annotation(given) === true);

/** A JSON editor, or a reader of long JSON. Esc then Tab leaves it. */
export function Editor({ text, onChange, label, readOnly = false, check, complete, original, ref }: Props) {
  const element = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const told = useRef({ onChange, check, complete });
  told.current = { onChange, check, complete };
  useEffect(() => {
    if (element.current === null) return;
    const source = (opened: EditorView) => told.current.check?.(opened.state.doc.toString()).then((found) => diagnostics(opened, found)) ?? [];
    const extensions: Extension[] = [
      EditorView.cspNonce.of(sheetNonce()), basicSetup, json(), theme, EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }), EditorState.readOnly.of(readOnly),
      EditorView.updateListener.of((update) => { if (typed(update)) told.current.onChange?.(update.state.doc.toString()); }),
      ...(told.current.check === undefined ? [] : [linter(source, { delay: PAUSE }), lintGutter()]),
      autocompletion({ override: [(context) => told.current.complete?.(context) ?? null] }),
      ...(original === undefined ? [] : [unifiedMergeView({ original, mergeControls: false, collapseUnchanged: { margin: 3, minSize: 6 } })]),
    ];
    const opened = new EditorView({ parent: element.current, state: EditorState.create({ doc: text, extensions }) });
    view.current = opened;
    return () => {
      opened.destroy();
      view.current = null;
    };
  }, [label, readOnly, original]); // Later texts are written into it below; completions that come later leave typing alone.
  useEffect(() => {
    const opened = view.current;
    if (opened === null || opened.state.doc.toString() === text) return;
    opened.dispatch({ changes: { from: 0, to: opened.state.doc.length, insert: text }, annotations: given.of(true) });
  }, [text]);
  useImperativeHandle(ref, () => ({ goTo: (path) => goTo(view.current, path) }), []);
  return <div className="editor" ref={element} />;
}

function diagnostics(view: EditorView, found: readonly Marked[]): Diagnostic[] {
  const [tree, text] = [syntaxTree(view.state), view.state.doc.toString()];
  return found.map(({ path, message, severity }) => ({ ...rangeOf(tree, text, path), message, severity }));
}

function goTo(view: EditorView | null, path: string): void {
  if (view === null) return;
  const { from, to } = rangeOf(syntaxTree(view.state), view.state.doc.toString(), path);
  view.dispatch({ selection: { anchor: from, head: to }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
  view.focus();
}
