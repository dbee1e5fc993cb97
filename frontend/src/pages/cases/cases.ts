// What the pages of cases work out of a case; nothing here draws.
import type { Schemas } from "../../api";

export type Case = Schemas["Case"];
type Verdict = Schemas["VerdictShown"];
export type Side = "for" | "against" | "open";

/** Whether a verdict says that the text is for the dimension or against it. */
export function sideOf(verdict: Verdict, scoring: string): Side {
  if (verdict.valence !== null && verdict.valence !== 0) return verdict.valence > 0 ? "for" : "against";
  if (scoring === "expression" || verdict.expressed === null) return "open";
  // conduct: from one half on the principle is kept, below it is not
  return verdict.expressed >= 0.5 ? "for" : "against";
}

export const SIGN: Record<Side, string> = { for: "+", against: "−", open: "±" };
export const SAID: Record<Side, string> = { for: "for", against: "against", open: "mentions" };

export interface Evidence { start: number; end: number; side: Side; dimension: string }

/** Verdicts that quote the text, one for each place, dimension and side. */
export function evidenceOf(verdicts: readonly Verdict[], scoring: string, length: number): Evidence[] {
  const found = new Map<string, Evidence>();
  for (const v of verdicts) {
    if (v.start === null || v.end === null || v.start >= v.end || v.end > length) continue;
    const one = { start: v.start, end: v.end, side: sideOf(v, scoring), dimension: v.dimension };
    found.set(`${one.start} ${one.end} ${one.side} ${one.dimension}`, one);
  }
  return [...found.values()].sort((a, b) => a.start - b.start || a.end - b.end);
}

/** Answers that follow each other and belong to the same item, as it was shown. */
export function byItem(cases: readonly Case[]): Case[][] {
  const groups: Case[][] = [];
  for (const one of cases) {
    const last = groups.at(-1)?.[0]?.address;
    const same = last !== undefined && last.item === one.address.item && last.presentation === one.address.presentation;
    // what a conversation shows is another message each time
    if (same && one.item.kind !== "conversation") groups.at(-1)!.push(one);
    else groups.push([one]);
  }
  return groups;
}
