import type { Completion, CompletionContext, CompletionResult, CompletionSource } from "@codemirror/autocomplete";
import { syntaxTree } from "@codemirror/language";
import type { NodeType } from "../api/types";
import { documentOf, placeAt } from "./places";
import { namesAt, namesIn, valuesAt, type Suggestion } from "./suggestions";

/** Completion of workflow definitions: keys, node types, their configs, node ids, and names in expressions. */
export function definitionCompletion(types: readonly NodeType[]): CompletionSource {
  return (context) => {
    const tree = syntaxTree(context.state);
    const text = context.state.doc.toString();
    const document = documentOf(tree, text);
    const expression = context.matchBefore(/\b(outputs|input|run)\.[\w-]*/);
    const place = placeAt(tree, text, context.pos);
    if (expression !== null && !place.naming) {
      const [scope = ""] = expression.text.split(".", 1);
      return { from: expression.from + scope.length + 1, options: namesIn(scope, document).map((label) => ({ label, type: "variable" })), validFor: /^[\w-]*$/ };
    }
    const found = place.naming ? namesAt(place.keys, document, types) : valuesAt(place.keys, document, types);
    return result(context, place.word, found, place.naming);
  };
}

function result(context: CompletionContext, word: { from: number; to: number } | null, found: Suggestion[], naming: boolean): CompletionResult | null {
  if (found.length === 0 || (word === null && !context.explicit)) return null;
  const from = word?.from ?? context.pos;
  const colon = naming && !/^\s*:/.test(context.state.sliceDoc(word?.to ?? context.pos, (word?.to ?? context.pos) + 20));
  const options = found.map((each) => option(each, naming, colon));
  return word === null ? { from, options } : { from, to: word.to, options, filter: true };
}

function option({ value, detail, info }: Suggestion, naming: boolean, colon: boolean): Completion {
  const label = JSON.stringify(value);
  return {
    label, displayLabel: String(value), apply: colon ? `${label}: ` : label, type: naming ? "property" : "constant",
    ...(detail !== undefined && { detail }), ...(info !== undefined && { info }),
  };
}
