import { JsonView as Tree } from "react-json-view-lite";
import type { StyleProps } from "react-json-view-lite/dist/DataRenderer";
import type { Json } from "../../api/types";

const STYLE: StyleProps = {
  container: "json-tree", basicChildStyle: "json-row", label: "json-key", clickableLabel: "json-key json-click", nullValue: "json-null",
  undefinedValue: "json-null", numberValue: "json-number", stringValue: "json-string", booleanValue: "json-boolean", otherValue: "json-string",
  punctuation: "json-mark", expandIcon: "json-closed", collapseIcon: "json-open", collapsedContent: "json-more", childFieldsContainer: "json-children",
  noQuotesForStringValues: false, quotesForFieldNames: false, stringifyStringValues: true,
  ariaLables: { collapseJson: "Collapse", expandJson: "Expand" },
};
/** What is open at first: the first two levels, unless they are long. */
const openAtFirst = (level: number, value: unknown) =>
  level < 2 && (level === 0 || (Array.isArray(value) ? value.length : Object.keys(value as object).length) <= 50);

/** A value as a tree that opens and closes. */
export default function JsonTree({ value, name }: { value: Json; name: string }) {
  if (value === null || typeof value !== "object") return <pre className="json-plain">{typeof value === "string" ? value : JSON.stringify(value)}</pre>;
  return <Tree data={value} style={STYLE} shouldExpandNode={openAtFirst} clickToExpandNode aria-label={name} />;
}
