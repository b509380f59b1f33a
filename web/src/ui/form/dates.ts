/** `2026-03-04T10:30:00` in this browser's time zone; null if the text is no time. */
export function toLocal(text: string): string | null {
  const at = Date.parse(text);
  if (Number.isNaN(at)) return null;
  return new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** ISO 8601 in UTC of a time in this browser's time zone; empty stays empty. */
export function fromLocal(text: string): string {
  const at = new Date(text);
  return text === "" || Number.isNaN(at.getTime()) ? "" : at.toISOString();
}
