/** The editor in the page's own colours; they follow the theme by themselves. */
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const parts = EditorView.theme({
  "&": { backgroundColor: "var(--surface)", color: "var(--text)", fontSize: "0.8125rem", height: "100%" },
  "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--surface-selected)" },
  ".cm-gutters": { backgroundColor: "var(--surface-sunken)", color: "var(--text-muted)", borderRight: "1px solid var(--border)" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--surface-hover) 55%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--surface-hover)", color: "var(--text)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--neutral-soft)", border: "none", color: "var(--text-muted)", padding: "0 0.4em" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--surface-selected)", outline: "1px solid var(--border-strong)" },
  ".cm-tooltip": { backgroundColor: "var(--surface-raised)", border: "1px solid var(--border)", borderRadius: "var(--radius)", boxShadow: "var(--shadow)" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--surface-selected)", color: "var(--text)" },
  ".cm-completionIcon": { display: "none" },
  ".cm-tooltip-autocomplete > ul > li": { padding: "0.125rem 0.5rem !important" },
  ".cm-completionInfo": { padding: "0.5rem 0.75rem", maxWidth: "24rem", fontFamily: "var(--font)" },
  ".cm-completionDetail": { color: "var(--text-muted)", fontStyle: "normal", marginLeft: "1em" },
  ".cm-panels": { backgroundColor: "var(--surface-sunken)", color: "var(--text)", borderColor: "var(--border)" },
  ".cm-textfield": { backgroundColor: "var(--surface)", border: "1px solid var(--border-strong)", color: "var(--text)" },
  ".cm-button": { backgroundImage: "none", backgroundColor: "var(--surface-raised)", border: "1px solid var(--border)", color: "var(--text)" },
  ".cm-diagnostic": { fontFamily: "var(--font)", padding: "0.25rem 0.75rem" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--failed)" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--waiting)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--failed)", textUnderlineOffset: "3px" },
  ".cm-lintRange-warning": { backgroundImage: "none", textDecoration: "underline wavy var(--waiting)", textUnderlineOffset: "3px" },
  ".cm-changedLine, .cm-inlineChangedLine": { backgroundColor: "var(--completed-soft) !important" },
  ".cm-changedText": { background: "none !important", textDecoration: "underline 2px var(--completed)" },
  ".cm-deletedChunk": { backgroundColor: "var(--failed-soft) !important" },
  ".cm-deletedChunk .cm-deletedText": { background: "none !important", textDecoration: "line-through var(--failed)" },
  ".cm-collapsedLines": { background: "var(--surface-sunken) !important", color: "var(--text-muted)", padding: "0.25rem 0.75rem" },
  ".cm-collapsedLines:before, .cm-collapsedLines:after": { content: '"…"', opacity: "0.6" },
});

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--accent)" },
  { tag: tags.string, color: "var(--completed)" },
  { tag: tags.number, color: "var(--waiting)" },
  { tag: [tags.bool, tags.null], color: "var(--paused)" },
  { tag: tags.invalid, color: "var(--failed)" },
]);

export const theme: Extension = [parts, syntaxHighlighting(colours)];
