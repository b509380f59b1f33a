/** A sign for each type of node. Decoration: the type stands in words on the card, or is spoken. */
const SIGNS: Readonly<Record<string, string>> = {
  input: "M9 3h4v10H9M3 8h6.5M7 5.5L9.5 8 7 10.5",
  output: "M7 3H3v10h4M6.5 8H13M10.5 5.5L13 8l-2.5 2.5",
  process: "M3 5h10M3 8h7M3 11h5",
  ai: "M8 2.5l1.4 4.1L13.5 8l-4.1 1.4L8 13.5 6.6 9.4 2.5 8l4.1-1.4z",
  condition: "M8 2.5L13.5 8 8 13.5 2.5 8z",
  switch: "M3 8h3l5-4.5h2M6 8l5 4.5h2M6 8h7",
  approval: "M8 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M3.5 13.5c0-2.5 2-4 4.5-4 .8 0 1.5.1 2 .4M10 12.2l1.3 1.3 2.4-2.7",
  wait: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M8 5v3l2.2 1.6",
  call_api: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M2.5 8h11M8 2.5c3 3 3 8 0 11M8 2.5c-3 3-3 8 0 11",
  map: "M5.5 2.5h8v8M3 5h8.5v8.5H3z",
  subworkflow: "M2.5 2.5h5v4h-5zM8.5 9.5h5v4h-5zM5 6.5V11.5h3.5",
  subgraph: "M2.5 2.5h5v4h-5zM8.5 9.5h5v4h-5zM5 6.5V11.5h3.5",
  code: "M5.5 4.5L2.5 8l3 3.5M10.5 4.5l3 3.5-3 3.5",
  python: "M5.5 4.5L2.5 8l3 3.5M10.5 4.5l3 3.5-3 3.5",
  create_task: "M3 3h10v10H3zM5.5 8.2l1.8 1.8 3.4-3.8",
  send_notification: "M4.5 11V7a3.5 3.5 0 0 1 7 0v4l1 1h-9zM7 13.5h2",
};
const OTHER = "M8 2.5l5 2.8v5.4l-5 2.8-5-2.8V5.3zM3 5.3l5 2.7 5-2.7M8 8v5.5";

/** The path of a type's sign, on 16 × 16 pixels. */
export function signOf(type: string): string {
  return SIGNS[type] ?? OTHER;
}

export function TypeSign({ type }: { type: string }) {
  return (
    <svg
      className="icon" width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round"
      strokeLinejoin="round" aria-hidden="true" focusable="false"
    >
      <path d={signOf(type)} />
    </svg>
  );
}
