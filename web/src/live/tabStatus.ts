/** The browser tab's title and icon say how the run stands. */
import { useEffect } from "react";
import type { RunStatus } from "../api/types";
import { statusWord } from "../ui/Status";

/** The shape on the icon, on a 32 × 32 ground of the status' colour. */
const SHAPES: Record<RunStatus, [ground: string, shape: string]> = {
  PENDING: ["#5f6875", '<circle cx="16" cy="16" r="6" fill="none" stroke="#fff" stroke-width="3"/>'],
  QUEUED: ["#5f6875", '<path d="M9 11h14M9 16h14M9 21h8" stroke="#fff" stroke-width="3" fill="none"/>'],
  RUNNING: ["#1d5fc4", '<path d="M12 9l11 7-11 7z" fill="#fff"/>'],
  WAITING: ["#8a5300", '<path d="M16 9v8l5 3" stroke="#fff" stroke-width="3" fill="none"/>'],
  PAUSED: ["#6a43b5", '<path d="M10 9h4v14h-4zM18 9h4v14h-4z" fill="#fff"/>'],
  COMPLETED: ["#1b7340", '<path d="M9 16l5 5 9-10" stroke="#fff" stroke-width="3.5" fill="none"/>'],
  FAILED: ["#c02a2a", '<path d="M10 10l12 12M22 10L10 22" stroke="#fff" stroke-width="3.5" fill="none"/>'],
  CANCELLED: ["#5f6875", '<path d="M9 16h14" stroke="#fff" stroke-width="3.5"/>'],
};

/** The tab's icon for a status, as a data URL. */
export function statusIcon(status: RunStatus): string {
  const [ground, shape] = SHAPES[status];
  const drawn = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="${ground}"/>${shape}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(drawn)}`;
}

/** `42% Running · Nightly import`: what matters first, since tabs are narrow. */
export function tabTitle(name: string, status: RunStatus, progress: number): string {
  const far = status === "RUNNING" && progress > 0 ? `${Math.floor(progress * 100)}% ` : "";
  return `${far}${statusWord(status)} · ${name}`;
}

/** Shows a run's status in the tab while the component is shown; the tab is as before after that. */
export function useTabStatus(name: string, status: RunStatus, progress: number): void {
  const title = tabTitle(name, status, progress);
  useEffect(() => {
    const link = iconLink();
    const icon = link?.href;
    const before = document.title;
    return () => {
      document.title = before;
      if (link !== null && icon !== undefined) link.href = icon;
    };
  }, []);
  useEffect(() => {
    document.title = title;
  }, [title]);
  useEffect(() => {
    const link = iconLink();
    if (link !== null) link.href = statusIcon(status);
  }, [status]);
}

const iconLink = (): HTMLLinkElement | null => document.querySelector<HTMLLinkElement>('link[rel="icon"]');
