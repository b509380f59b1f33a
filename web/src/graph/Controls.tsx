import { useRef, type KeyboardEvent } from "react";
import type { Camera } from "./camera";

const ACTIONS = [
  { label: "Zoom in", path: "M8 3v10M3 8h10", act: (camera: Camera) => camera.zoomBy(1.25) },
  { label: "Zoom out", path: "M3 8h10", act: (camera: Camera) => camera.zoomBy(0.8) },
  { label: "Fit to view", path: "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3", act: (camera: Camera) => camera.fit() },
] as const;

/** Zoom buttons: one stop for Tab, arrows move between them. */
export function Controls({ camera }: { camera: Camera }) {
  const bar = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent<HTMLElement>) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const buttons = [...(bar.current?.querySelectorAll("button") ?? [])];
    if (step === undefined || buttons.length === 0) return;
    event.preventDefault();
    const to = buttons[(buttons.findIndex((each) => each === document.activeElement) + step + buttons.length) % buttons.length];
    for (const each of buttons) each.tabIndex = each === to ? 0 : -1;
    to?.focus();
  };
  return (
    <div className="graph-controls" role="toolbar" aria-label="Zoom" aria-orientation="vertical" ref={bar} onKeyDown={move}>
      {ACTIONS.map(({ label, path, act }, at) => (
        <button key={label} type="button" aria-label={label} title={label} tabIndex={at === 0 ? 0 : -1} onClick={() => act(camera)}>
          <svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" aria-hidden="true">
            <path d={path} />
          </svg>
        </button>
      ))}
    </div>
  );
}
