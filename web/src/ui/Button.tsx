import { type ButtonHTMLAttributes, type MouseEvent, useRef } from "react";
import { Icon, type IconName } from "./Icon";
import { useFocusPassedOn } from "./useFocusPassedOn";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: "normal" | "primary" | "danger" | "plain";
  size?: "normal" | "small";
  icon?: IconName;
  /** A command was sent and has not taken hold yet. */
  busy?: boolean;
}

/** A button. A busy one does nothing, and keeps the focus. */
export function Button({ kind = "normal", size = "normal", icon, busy = false, children, disabled, onClick, ...rest }: Props) {
  const element = useRef<HTMLButtonElement>(null);
  useFocusPassedOn(element);
  const click = busy ? (event: MouseEvent<HTMLButtonElement>) => event.preventDefault() : onClick;
  return (
    <button
      ref={element} type="button" className="button" data-kind={kind} data-size={size} disabled={disabled} aria-busy={busy || undefined} aria-disabled={busy || undefined}
      onClick={click} {...rest}
    >
      {busy ? <Icon name="running" turning /> : icon !== undefined && <Icon name={icon} />}
      {children}
    </button>
  );
}
