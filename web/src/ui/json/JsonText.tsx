import { json } from "@codemirror/lang-json";
import { EditorView, minimalSetup } from "codemirror";
import { useEffect, useRef } from "react";
import { sheetNonce } from "./nonce";
import { theme } from "./theme";

/** A long text of JSON, to be read: only what is visible is in the page. */
export default function JsonText({ text, name }: { text: string; name: string }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (place.current === null) return;
    const view = new EditorView({
      doc: text,
      parent: place.current,
      extensions: [
        minimalSetup, json(), theme, EditorView.cspNonce.of(sheetNonce()), EditorView.lineWrapping, EditorView.editable.of(false),
        EditorView.contentAttributes.of({ "aria-label": name, "aria-readonly": "true", tabindex: "0" }),
      ],
    });
    return () => view.destroy();
  }, [text, name]);
  return <div ref={place} className="json-text" />;
}
