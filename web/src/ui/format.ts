/** Times, durations and sizes as people read them. */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const AGO = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "narrow" });

/** Milliseconds since 1970 of an API time; null stays null. */
export function toMs(time: string | null | undefined): number | null {
  return time === null || time === undefined ? null : Date.parse(time);
}

/** `850 ms`, `12.4 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60];
  if (days > 0) return `${days} d ${hours} h`;
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${Math.floor(seconds) % 60} s`;
}

/** `14:03:22` today, otherwise with the day. */
export function clock(ms: number, now = Date.now()): string {
  const same = new Date(ms).toDateString() === new Date(now).toDateString();
  return same ? CLOCK.format(ms) : `${DAY.format(ms)} ${CLOCK.format(ms)}`;
}

/** `5 min ago`. */
export function ago(ms: number, now = Date.now()): string {
  const seconds = Math.round((ms - now) / 1_000);
  const steps: [number, Intl.RelativeTimeFormatUnit][] = [[60, "second"], [3_600, "minute"], [86_400, "hour"], [Infinity, "day"]];
  const unit = steps.find(([below]) => Math.abs(seconds) < below) ?? [Infinity, "day"];
  const size = { second: 1, minute: 60, hour: 3_600, day: 86_400 }[unit[1] as "second" | "minute" | "hour" | "day"];
  return AGO.format(Math.trunc(seconds / size), unit[1]);
}

/** `412 B`, `1.2 MB`. */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, count < 1 ? 0 : Math.floor(Math.log10(count) / 3));
  const value = count / 1_000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** `65 %`. */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
