/** The theme's colours for a canvas, which knows nothing of CSS variables. */
import type { NodeStatus } from "../api/types";
import { PATHS } from "../ui/Icon";
import { iconOf } from "../ui/Status";

export interface Palette {
  readonly surface: string;
  readonly raised: string;
  readonly sunken: string;
  readonly border: string;
  readonly strong: string;
  readonly text: string;
  readonly muted: string;
  readonly accent: string;
  readonly focus: string;
  readonly neutral: string;
  readonly tone: Readonly<Record<NodeStatus, string>>;
  readonly soft: Readonly<Record<NodeStatus, string>>;
  /** Each status's shape, on 16 × 16 pixels. */
  readonly signs: Readonly<Record<NodeStatus, Path2D>>;
  readonly font: string;
}

/** As the theme has them now. `probe` is an element in the page whose colour may be changed. */
export function paletteOf(probe: HTMLElement): Palette {
  const colour = (name: string) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const neutral = colour("neutral-soft");
  const plain = { PENDING: neutral, READY: neutral, SKIPPED: neutral, CANCELLED: neutral };
  const palette: Palette = {
    surface: colour("surface"), raised: colour("surface-raised"), sunken: colour("surface-sunken"), border: colour("border"),
    strong: colour("border-strong"), text: colour("text"), muted: colour("text-muted"), accent: colour("accent"), focus: colour("focus"), neutral,
    tone: {
      PENDING: colour("pending"), READY: colour("queued"), RUNNING: colour("running"), WAITING: colour("waiting"), COMPLETED: colour("completed"),
      FAILED: colour("failed"), SKIPPED: colour("skipped"), CANCELLED: colour("cancelled"),
    },
    soft: { ...plain, RUNNING: colour("running-soft"), WAITING: colour("waiting-soft"), COMPLETED: colour("completed-soft"), FAILED: colour("failed-soft") },
    signs: {
      PENDING: sign("PENDING"), READY: sign("READY"), RUNNING: sign("RUNNING"), WAITING: sign("WAITING"), COMPLETED: sign("COMPLETED"),
      FAILED: sign("FAILED"), SKIPPED: sign("SKIPPED"), CANCELLED: sign("CANCELLED"),
    },
    font: getComputedStyle(probe).fontFamily,
  };
  probe.style.removeProperty("color");
  return palette;
}

const sign = (status: NodeStatus): Path2D => new Path2D(PATHS[iconOf(status)]);

/** Be told when the theme changes, the system's or the page's. */
export function onThemeChange(listener: () => void): () => void {
  const observer = new MutationObserver(listener);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "class", "style"] });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", listener);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", listener);
  };
}
