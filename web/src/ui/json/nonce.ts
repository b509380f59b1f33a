/** What lets the editor's sheets past the page's policy; empty where there is none, as in development. */
export function sheetNonce(): string {
  return document.querySelector<HTMLElement>("meta[property=csp-nonce]")?.nonce ?? "";
}
