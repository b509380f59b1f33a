/** Stretches of time that the address can name: `since=7d`. */
export const PERIODS = [
  { id: "1h", label: "Last hour", hours: 1 },
  { id: "24h", label: "Last 24 hours", hours: 24 },
  { id: "7d", label: "Last 7 days", hours: 168 },
  { id: "30d", label: "Last 30 days", hours: 720 },
  { id: "90d", label: "Last 90 days", hours: 2_160 },
] as const;

/** The API time at which a period begins; a time stays what it is, anything else is none. */
export function sinceOf(period: string | undefined, now: number): string | undefined {
  if (period === undefined) return undefined;
  const hours = PERIODS.find(({ id }) => id === period)?.hours;
  if (hours !== undefined) return new Date(now - hours * 3_600_000).toISOString();
  const at = Date.parse(period);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}
