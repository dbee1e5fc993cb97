// Times in words.
const AT = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

export const at = (iso: string | null): string => (iso === null ? "" : AT.format(new Date(iso)));

/** Seconds between two times, in words. */
export function lasted(from: string | null, to: string | null): string {
  if (from === null) return "";
  const seconds = Math.max(0, Math.round(((to === null ? Date.now() : Date.parse(to)) - Date.parse(from)) / 1000));
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
