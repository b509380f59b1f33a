import { useEffect, useId, useRef, useState } from "react";
import { Button } from "../../../ui/Button";
import { Icon } from "../../../ui/Icon";

interface Props {
  /** A pause at the next step was asked for and waits for its nodes. */
  pausing: boolean;
  requested: boolean;
  disabled: boolean;
  onPause: (mode: "step" | "now") => void;
}

/** Pause at the next step; the menu has the other way. */
export function PauseMenu({ pausing, requested, disabled, onPause }: Props) {
  const [open, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return;
    place.current?.querySelector<HTMLElement>("[role=menuitem]")?.focus();
    const outside = (event: PointerEvent) => {
      if (event.target instanceof Node && place.current?.contains(event.target) !== true) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const choose = (mode: "step" | "now") => {
    setOpen(false);
    onPause(mode);
  };
  const close = () => {
    setOpen(false);
    place.current?.querySelector<HTMLElement>("[aria-haspopup]")?.focus();
  };
  return (
    <div className="menu-place" ref={place}>
      <div className="split">
        <Button icon="paused" busy={requested} disabled={disabled || pausing} onClick={() => choose("step")}>{requested ? "Pause requested" : pausing ? "Pausing" : "Pause"}</Button>
        <Button aria-label="Ways to pause" aria-haspopup="menu" aria-expanded={open} aria-controls={id} disabled={disabled || requested} onClick={() => setOpen(!open)}>
          <Icon name="chevron" />
        </Button>
      </div>
      {open && (
        <div
          className="pause-menu" role="menu" id={id} aria-label="Ways to pause"
          onKeyDown={(event) => {
            const choices = [...event.currentTarget.querySelectorAll<HTMLElement>("[role=menuitem]")];
            const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
            if (event.key === "Escape" || event.key === "Tab") close();
            if (step !== undefined) choices[(choices.indexOf(document.activeElement as HTMLElement) + step + choices.length) % choices.length]?.focus();
            if (step !== undefined || event.key === "Escape") {
              event.preventDefault();
              event.stopPropagation();
            }
          }}
        >
          <button type="button" role="menuitem" tabIndex={-1} disabled={pausing} onClick={() => choose("step")}>
            <b>At the next step</b><span>Nodes that are executing end first.</span>
          </button>
          <button type="button" role="menuitem" tabIndex={-1} onClick={() => choose("now")}>
            <b>Now</b><span>They are stopped, and run again on resume.</span>
          </button>
        </div>
      )}
    </div>
  );
}
