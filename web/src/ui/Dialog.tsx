import { useEffect, useId, useRef, type ReactNode } from "react";
import { Button } from "./Button";

interface Props {
  title: string;
  onClose: () => void;
  children: ReactNode;
  foot?: ReactNode;
  wide?: boolean;
}

/** A modal dialog: it keeps the focus, which begins at what has `data-first-focus`; Esc closes it, and the focus goes back to where it was, or to the page. */
export function Dialog({ title, onClose, children, foot, wide = false }: Props) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const before = document.activeElement;
    element.current?.showModal();
    element.current?.querySelector<HTMLElement>("[data-first-focus]")?.focus();
    return () => {
      const back = before instanceof HTMLElement && before.isConnected && before !== document.body ? before : document.getElementById("main");
      back?.focus();
    };
  }, []);
  return (
    <dialog
      ref={element} className="dialog" aria-labelledby={heading} data-wide={wide || undefined}
      onCancel={(event) => { event.preventDefault(); onClose(); }}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <div className="dialog-head">
        <h2 id={heading}>{title}</h2>
        <Button kind="plain" size="small" icon="close" onClick={onClose} aria-label="Close" />
      </div>
      <div className="dialog-body">{children}</div>
      {foot !== undefined && <div className="dialog-foot">{foot}</div>}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  children: ReactNode;
  /** The word on the button that does it. */
  action: string;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something that cannot be undone; the safe choice has the focus. */
export function Confirm({ title, children, action, onConfirm, onClose }: ConfirmProps) {
  const foot = (
    <>
      <Button data-first-focus onClick={onClose}>Keep</Button>
      <Button kind="danger" onClick={() => { onClose(); onConfirm(); }}>{action}</Button>
    </>
  );
  return <Dialog title={title} onClose={onClose} foot={foot}>{children}</Dialog>;
}
