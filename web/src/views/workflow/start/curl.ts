/** A text as one word of a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A request as a command for a terminal. The key is read from the environment there, never written here. */
export function curlOf(address: string, body: unknown): string {
  return [
    `curl -X POST ${quoted(address)} \\`,
    `  -H "X-API-Key: $MILEPOST_KEY" \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d ${quoted(JSON.stringify(body))}`,
  ].join("\n");
}
