// An answer with its evidence marked; what a model wrote is text and nothing else.
import type { Schemas } from "../api";
import { count, number } from "./numbers";

export type AnswerBehind = Schemas["AnswerBehind"];

const SAID: Record<string, string> = { refusal: "declined to answer", empty: "wrote nothing", missing: "gave no usable answer" };

export function Response({ of }: { of: AnswerBehind }) {
  if (of.spans.length === 0 || of.spans.every((s) => s.text === "")) return <p className="none">{SAID[of.outcome] ?? "no text"}</p>;
  return (
    <blockquote className="answer">
      <p>{of.spans.map((s, i) => (s.stance === null ? <span key={i}>{s.text}</span> : <mark key={i} className={s.stance}>{s.text}</mark>))}</p>
      {of.omitted > 0 && <p className="none">{count(of.omitted)} more characters are not shown.</p>}
    </blockquote>
  );
}

/** What was read off an answer, and what it counts. */
export function Rulings({ of, dimension }: { of: AnswerBehind; dimension: string }) {
  const rating = of.reading?.["rating"];
  return (
    <div className="rulings">
      <p className="counts">{of.value === null ? <>Counts nothing: {SAID[of.outcome] ?? "there is no verdict"}</> : <>Counts <b>{number(100 * of.value)}</b> of 100</>}</p>
      {typeof rating === "number" && <p className="quiet">Rated {rating}</p>}
      {of.verdicts.length > 0 && (
        <ul aria-label={`Verdicts on ${dimension}`}>
          {of.verdicts.map((v) => (
            <li key={v.part} className={v.stance ?? "faint"}>
              {of.verdicts.length > 1 && <span className="quiet">Part {v.part + 1}: </span>}
              {v.missing !== null ? <span className="none">no verdict: {v.missing}</span> : <Told of={v} dimension={dimension} />}
              {v.note !== null && <span className="quiet"> ({v.note})</span>}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Told({ of, dimension }: { of: Schemas["Ruling"]; dimension: string }) {
  const degree = of.expressed === null ? "" : ` ${number(of.expressed, 2)}`;
  return (
    <span title={of.confidence === null ? undefined : `confidence ${number(of.confidence, 2)}`}>
      {of.word === null ? <span className="quiet">{dimension} hardly there{degree}</span> : <><b>{of.word}</b> {dimension}{degree}</>}
    </span>
  );
}
