import { createContext, use, useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { Icon, type IconName } from "./Icon";

const Close = createContext<() => void>(() => undefined);

interface Props {
  label: string;
  icon?: IconName;
  kind?: "normal" | "plain";
  disabled?: boolean;
  children: ReactNode;
}

/** A button with a menu: arrows move, Esc closes and gives the focus back, a click elsewhere closes. */
export function Menu({ label, icon, kind = "plain", disabled = false, children }: Props) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const id = useId();
  const items = () => [...(root.current?.querySelectorAll<HTMLElement>("[role^=menuitem]") ?? [])];
  useEffect(() => {
    if (!open) return;
    items()[0]?.focus();
    const outside = (event: PointerEvent) => {
      if (event.target instanceof Node && root.current?.contains(event.target) === false) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const close = () => {
    setOpen(false);
    root.current?.querySelector("button")?.focus();
  };
  const move = (event: KeyboardEvent) => {
    if (!open) return;
    const all = items();
    const at = all.findIndex((each) => each === document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Escape") close();
    else if (event.key === "Tab") setOpen(false);
    else if (to !== undefined) all[(to + all.length) % all.length]?.focus();
    if (event.key !== "Tab" && (event.key === "Escape" || to !== undefined)) {
      event.preventDefault();
      event.stopPropagation();
    }
  };
  return (
    <div className="menu" ref={root} onKeyDown={move}>
      <button
        type="button" className="button" data-kind={kind} disabled={disabled} aria-haspopup="menu" aria-expanded={open} aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        {icon !== undefined && <Icon name={icon} />} <span>{label}</span> <Icon name="down" />
      </button>
      <div className="menu-list" role="menu" id={id} aria-label={label} hidden={!open}>
        {open && <Close value={close}>{children}</Close>}
      </div>
    </div>
  );
}

interface ItemProps {
  onSelect: () => void;
  /** Given: one of a group, chosen or not. */
  checked?: boolean;
  disabled?: boolean;
  children: ReactNode;
}

export function MenuItem({ onSelect, checked, disabled = false, children }: ItemProps) {
  const close = use(Close);
  const role = checked === undefined ? "menuitem" : "menuitemradio";
  return (
    <button
      type="button" className="menu-item" role={role} aria-checked={checked} tabIndex={-1} aria-disabled={disabled || undefined}
      onClick={() => {
        if (disabled) return;
        close();
        onSelect();
      }}
    >
      <span className="menu-check">{checked === true && <Icon name="completed" />}</span>
      {children}
    </button>
  );
}
