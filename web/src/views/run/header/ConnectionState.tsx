import { useConnection } from "../../../live/hooks";
import type { Connection } from "../../../live/store";

const WORDS: Readonly<Record<Connection, string>> = {
  connecting: "Connecting", live: "Live", stale: "No sign of life from the server", down: "Reconnecting", ended: "Ended, all is here",
};

/** Whether what the page shows is what is. Changes are told politely. */
export function ConnectionState() {
  const connection = useConnection();
  return (
    <div className="run-connection" data-connection={connection}>
      <dt className="visually-hidden">Connection</dt>
      <dd><span role="status">{WORDS[connection]}</span></dd>
    </div>
  );
}
