/** A JSON value: a tree up to 100 kB, text in an editor above, a file above 2 MB. */
import { lazy, Suspense, useMemo } from "react";
import type { Json } from "../../api/types";
import { Button } from "../Button";
import { Copy } from "../Copy";
import { bytes } from "../format";
import { Loading } from "../Notice";
import { download } from "./download";
import { showing, written } from "./size";
import "./json.css";

const JsonTree = lazy(() => import("./JsonTree"));
const JsonText = lazy(() => import("./JsonText"));

/** `name` says what the value is: it names the view, and the file. */
export function JsonView({ value, name }: { value: Json; name: string }) {
  const text = useMemo(() => written(value), [value]);
  const way = showing(text.length);
  return (
    <div className="json">
      <div className="json-head">
        <span className="muted numeric">{bytes(text.length)}</span>
        <Copy text={() => text} what={name} />
        {way !== "tree" && <Button kind="plain" size="small" onClick={() => download(`${name}.json`, text)}>Download</Button>}
      </div>
      {way === "file" ? (
        <p className="muted">It is too large to be shown here.</p>
      ) : (
        <Suspense fallback={<Loading what="Loading the value" />}>
          {way === "tree" ? <JsonTree value={value} name={name} /> : <JsonText text={text} name={name} />}
        </Suspense>
      )}
    </div>
  );
}
