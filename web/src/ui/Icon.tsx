/** Line icons, 16 px, drawn here so that nothing is fetched. Decoration only: words stand beside them. */
export const PATHS = {
  pending: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11",
  queued: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M8 5v3l2 1.5",
  running: "M8 2.5a5.5 5.5 0 1 1-5.2 3.7",
  waiting: "M4.5 2.5h7M4.5 13.5h7M5.5 2.5c0 3 5 4 5 5.5s-5 2.5-5 5.5M10.5 2.5c0 3-5 4-5 5.5s5 2.5 5 5.5",
  paused: "M5.5 3.5v9M10.5 3.5v9",
  completed: "M3 8.5l3.5 3.5L13 4.5",
  failed: "M4 4l8 8M12 4l-8 8",
  cancelled: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M4.2 11.8l7.6-7.6",
  skipped: "M3 4l5 4-5 4zM12.5 4v8",
  ready: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M6.5 5.5l4 2.5-4 2.5z",
  add: "M8 3v10M3 8h10",
  play: "M5 3.5l7.5 4.5L5 12.5z",
  stop: "M4 4h8v8H4z",
  fork: "M4.5 2.5v11M4.5 9c0-2.5 7-1.5 7-5M11.5 2.5v1M4.5 2.5v1",
  retry: "M3 8a5 5 0 1 0 1.5-3.5L3 6M3 2.5V6h3.5",
  close: "M4 4l8 8M12 4l-8 8",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.5 10.5l3 3",
  inbox: "M2.5 9h3l1 2h3l1-2h3M2.5 9l2-5.5h7l2 5.5v4h-11z",
  home: "M2.5 7.5L8 3l5.5 4.5V13.5h-4v-4h-3v4h-4z",
  chevron: "M6 4l4 4-4 4",
  down: "M4 6l4 4 4-4",
  external: "M9 3h4v4M13 3L7.5 8.5M11 9.5v3.5H3V5h3.5",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  edit: "M3 13l.5-3 7-7 2.5 2.5-7 7z",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8 1.5v1.5M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1",
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5",
  warning: "M8 2.5l6 11H2zM8 6.5v3M8 11.5v.01",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, turning = false }: { name: IconName; turning?: boolean }) {
  return (
    <svg
      className="icon" data-turning={turning || undefined} width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor"
      strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
