import type { RunError } from "../../../api/types";
import { Copy } from "../../../ui/Copy";

/** An error with its traceback. */
export function ErrorPane({ error }: { error: RunError }) {
  const { code, type, message, traceback } = error;
  const whole = [`${type ?? ""}: ${message ?? ""}`, traceback ?? ""].join("\n").trim();
  return (
    <div className="stack">
      <div className="error-head">
        <strong>{type ?? code}</strong> {code !== null && code !== undefined && <code className="muted">{code}</code>}
        <Copy text={() => whole} what="the error" />
      </div>
      <p className="error-message">{message}</p>
      {traceback != null && traceback !== "" && <section><h3>Traceback</h3><pre className="traceback" tabIndex={0} aria-label="Traceback">{traceback}</pre></section>}
    </div>
  );
}
