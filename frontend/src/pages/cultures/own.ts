// Profiles of one's own: kept in this tab, sent only to be compared, stored nowhere else.
import { useSyncExternalStore } from "react";
import type { Schemas } from "../../api";

export type Own = Pick<Schemas["Comparison"], "text"> & { name: string; kind: "json" | "csv" | "tsv" };
const KEY = "valuecompass-profiles";
const listeners = new Set<() => void>();
let kept: Own | null = read();

function read(): Own | null {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Own | null;
  } catch {
    return null;
  }
}

export function keep(own: Own | null): void {
  kept = own;
  try {
    if (own === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, JSON.stringify(own));
  } catch {
    // a tab that may store nothing forgets the set when it is loaded anew
  }
  listeners.forEach((told) => told());
}

export const useOwn = (): Own | null => useSyncExternalStore((told) => { listeners.add(told); return () => listeners.delete(told); }, () => kept);

/** How a file is written, by its name; a text without a name, by its first sign. */
export function kindOf(name: string, text: string): Own["kind"] {
  const end = /\.(json|csv|tsv)$/i.exec(name)?.[1]?.toLowerCase();
  if (end !== undefined) return end as Own["kind"];
  if (/^\s*\{/.test(text)) return "json";
  return text.split("\n", 1)[0]!.includes("\t") ? "tsv" : "csv";
}
