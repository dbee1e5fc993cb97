// Keys and labels in words.
import type { Schemas } from "../../api";

export type Label = Schemas["LabelBody"];

export const SIDES: Record<string, -1 | 0 | 1> = { "+": 1, "0": 0, "-": -1 };
export const KEYS: Record<string, string> = { "+": "for it", "0": "neither", "-": "against it" };
const SIDE_WORDS: Record<string, string> = { "1": ", for it", "0": ", neither for nor against it", "-1": ", against it" };

/** The next place from one on that has nothing yet; the number of places: there is none. */
export function following(from: number, places: number, has: (n: number) => boolean): number {
  let at = from;
  while (at < places && has(at)) at++;
  return at;
}

export function words(label: Label, wording: Pick<Schemas["Wording"], "yes" | "no">): string {
  const side = label.valence === null || label.valence === undefined ? "" : SIDE_WORDS[String(label.valence)]!;
  return (label.expressed === 1 ? wording.yes : wording.no) + side;
}
