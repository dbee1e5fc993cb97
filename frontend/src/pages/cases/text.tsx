// A text with what is marked in it: words that were looked for, and what the judge names as evidence.
import type { ReactNode } from "react";
import type { Schemas } from "../../api";
import { evidenceOf, SAID, SIGN, type Evidence, type Side } from "./cases";

type Verdict = Schemas["VerdictShown"];

/**
 * Python counts characters, JavaScript half of some of them: places are of the first kind.
 */
function characters(text: string): string[] {
  return Array.from(text);
}

export function MarkedText({ of, verdicts = [], scoring = "" }: { of: Schemas["Marked"]; verdicts?: readonly Verdict[]; scoring?: string }) {
  const letters = characters(of.text);
  const evidence = evidenceOf(verdicts, scoring, letters.length);
  const marks = (of.marks ?? []) as readonly (readonly [number, number])[];
  const cuts = new Set([0, letters.length]);
  for (const { start, end } of evidence) cuts.add(start).add(end);
  for (const [start, end] of marks) cuts.add(start).add(end);
  const places = [...cuts].sort((a, b) => a - b);
  const pieces: ReactNode[] = [];
  for (let n = 0; n + 1 < places.length; n++) {
    const [from, to] = [places[n]!, places[n + 1]!];
    const own = evidence.filter((e) => e.start <= from && to <= e.end);
    const hit = marks.some(([start, end]) => start <= from && to <= end);
    const text = letters.slice(from, to).join("");
    const inner = hit ? <mark key={from}>{text}</mark> : text;
    pieces.push(own.length === 0 ? inner : <span key={`e${from}`} className={`evidence ${kindOf(own)}`}>{inner}</span>);
    for (const ending of evidence.filter((e) => e.end === to)) {
      pieces.push(
        <span key={`t${to}${ending.dimension}${ending.side}`} className={`tag ${ending.side}`}>
          <span aria-hidden="true">{SIGN[ending.side]} </span><span className="unseen"> ({SAID[ending.side]} </span><bdi>{ending.dimension}</bdi><span className="unseen">) </span>
        </span>,
      );
    }
  }
  return <p className="said" dir="auto">{pieces}</p>;
}

function kindOf(own: readonly Evidence[]): Side {
  const sides = new Set(own.map((e) => e.side));
  return sides.size === 1 ? own[0]!.side : "open";
}
