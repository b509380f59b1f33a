/** The browser, as lines and stores need it. */
import { BASE } from "../api/client";
import type { Socket, World } from "./line";

/** The WebSocket URL of an API path. */
export function socketUrl(path: string, query: Record<string, string | number> = {}): string {
  const target = new URL(path, BASE);
  target.protocol = target.protocol === "https:" ? "wss:" : "ws:";
  for (const [name, value] of Object.entries(query)) target.searchParams.set(name, String(value));
  return target.href;
}

export const browser: World = {
  connect: (url) => new WebSocket(url) as Socket,
  now: () => Date.now(),
  random: () => Math.random(),
  later: (call, ms) => {
    const timer = window.setTimeout(call, ms);
    return () => window.clearTimeout(timer);
  },
  onReturn: (call) => {
    const shown = (): void => {
      if (!document.hidden) call();
    };
    window.addEventListener("online", call);
    document.addEventListener("visibilitychange", shown);
    return () => {
      window.removeEventListener("online", call);
      document.removeEventListener("visibilitychange", shown);
    };
  },
};

/** A page that is not shown gets no frames; its state stays true all the same, less often. */
const HIDDEN_FRAME = 250;

/** Calls back at the next frame; gives the way not to. */
export function nextFrame(call: () => void): () => void {
  if (document.hidden) {
    const timer = window.setTimeout(call, HIDDEN_FRAME);
    return () => window.clearTimeout(timer);
  }
  // A page that is hidden between now and then would wait until it is shown.
  const late = window.setTimeout(() => {
    window.cancelAnimationFrame(frame);
    call();
  }, HIDDEN_FRAME);
  const frame = window.requestAnimationFrame(() => {
    window.clearTimeout(late);
    call();
  });
  return () => {
    window.clearTimeout(late);
    window.cancelAnimationFrame(frame);
  };
}

/** Somebody who is not signed in is shown where to do that: the shell listens for this event on `window`. */
export const SIGNED_OUT = "milepost:signed-out";

export function tellSignedOut(): void {
  window.dispatchEvent(new Event(SIGNED_OUT));
}
