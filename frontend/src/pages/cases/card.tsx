import type { Schemas } from "../../api";
import { Person } from "../../parts/person";
import { href, place } from "../../state/url";
import type { Case } from "./cases";
import { MarkedText } from "./text";

export type Measurement = Schemas["CaseMeasurement"];

const OUTCOMES: Record<string, string> = { refusal: "declined to answer", empty: "empty answer", missing: "no answer: the request failed" };

export function caseLink(of: Case, params: Record<string, string | readonly string[] | null> = {}): string {
  const a = of.address;
  return place(`/cases/${a.measurement}/${a.position}/${a.item}/${a.presentation ?? 0}/${a.repeat ?? 0}`, params);
}

/** The item of a case, as it was shown. */
export function Asked({ of }: { of: Case }) {
  const { item } = of;
  return (
    <div className="asked">
      <MarkedText of={item.text} />
      {item.principle !== null && <MarkedText of={item.principle} />}
      {item.sides.length > 0 && (
        <ol className="sides">
          {item.sides.map((side, n) => <li key={side.dimension}><b>{"AB"[n]}</b> <MarkedText of={side.text} /> <span className="quiet">{side.dimension}</span></li>)}
        </ol>
      )}
      {item.turns.length > 0 && <ol className="turns">{item.turns.map((turn, n) => <li key={n}><MarkedText of={turn} /></li>)}</ol>}
      <p className="quiet">
        {item.kind} about <bdi>{item.dimensions.join(", ")}</bdi>{item.topic !== null && <>, <bdi>{item.topic}</bdi></>}{item.language !== "en" && <>, language {item.language}</>}
        {item.scale !== null && <>, rated from {item.scale[0]} to {item.scale[1]}</>}
      </p>
    </div>
  );
}

/** What came of it: the answer with evidence, or why there is none. */
export function Said({ of, scoring }: { of: Case; scoring: string }) {
  return (
    <>
      {of.outcome !== "answer" && <p className="outcome">{OUTCOMES[of.outcome] ?? of.outcome}</p>}
      {of.response.text !== "" && <MarkedText of={of.response} verdicts={of.verdicts} scoring={scoring} />}
      {of.reading !== null && <Reading of={of} />}
      {of.unjudged && <p className="quiet">The judge gave no verdict on this answer.</p>}
    </>
  );
}

function Reading({ of }: { of: Case }) {
  const { chosen, rating, probability } = of.reading as { chosen?: string; rating?: number; probability?: number };
  return (
    <p className="quiet">
      {chosen !== undefined && <>Read as the choice of <b><bdi>{chosen}</bdi></b>. </>}
      {rating !== undefined && <>Read as the rating <b>{rating}</b>. </>}
      {probability !== undefined && <>Probability of the choice: {probability.toFixed(2)}.</>}
    </p>
  );
}

/** An item with the answers to it that stand together in a list. */
export function ItemCard({ cases, measurement, words }: { cases: readonly Case[]; measurement: Measurement; words: string }) {
  return (
    <li className="case">
      <Asked of={cases[0]!} />
      <ol className="answers">
        {cases.map((of) => (
          <li key={`${of.address.position} ${of.address.repeat ?? 0}`}>
            <article aria-label={`Answer of ${of.respondent}`}>
              <header>
                <Person name={of.respondent} simulated={of.simulated} />
                {(of.address.repeat ?? 0) > 0 && <span className="quiet">answer {of.address.repeat! + 1}</span>}
                <a className="open" href={href(caseLink(of, { q: words || null }))}>Whole case<span className="unseen"> of {of.respondent}</span></a>
              </header>
              <Said of={of} scoring={measurement.scoring} />
            </article>
          </li>
        ))}
      </ol>
    </li>
  );
}

/** What the marks mean, beside every list of marked texts. */
export function Legend({ words }: { words: boolean }) {
  return (
    <p className="legend quiet">
      Evidence that the judge names: <span className="evidence for">for</span><span className="tag for">+ value</span>,{" "}
      <span className="evidence against">against</span><span className="tag against">− value</span>,{" "}
      <span className="evidence open">neither or both</span><span className="tag open">± value</span>.
      {words && <> <mark>Words</mark> are what was looked for.</>}
    </p>
  );
}
