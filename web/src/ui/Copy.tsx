import { useEffect, useState } from "react";
import { Button } from "./Button";

/** Copies a text; says for two seconds that it did, or that the browser refused. `what` names it for screen readers. */
export function Copy({ text, what }: { text: () => string; what: string }) {
  const [told, setTold] = useState<string | null>(null);
  useEffect(() => {
    if (told === null) return;
    const timer = setTimeout(() => setTold(null), 2_000);
    return () => clearTimeout(timer);
  }, [told]);
  const copy = () => {
    navigator.clipboard.writeText(text()).then(() => setTold("Copied"), () => setTold("Not allowed"));
  };
  return (
    <Button kind="plain" size="small" icon={told === "Copied" ? "completed" : "copy"} onClick={copy} aria-label={told === null ? `Copy ${what}` : undefined}>
      <span aria-live="polite">{told ?? "Copy"}</span>
    </Button>
  );
}
