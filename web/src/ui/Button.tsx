import type { ButtonHTMLAttributes } from "react";
import { Icon, type IconName } from "./Icon";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: "normal" | "primary" | "danger" | "plain";
  size?: "normal" | "small";
  icon?: IconName;
  /** A command was sent and has not taken hold yet. */
  busy?: boolean;
}

export function Button({ kind = "normal", size = "normal", icon, busy = false, children, disabled, ...rest }: Props) {
  return (
    <button type="button" className="button" data-kind={kind} data-size={size} disabled={disabled || busy} aria-busy={busy || undefined} {...rest}>
      {busy ? <Icon name="running" turning /> : icon !== undefined && <Icon name={icon} />}
      {children}
    </button>
  );
}
