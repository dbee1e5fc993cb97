// How a number was made: every answer behind it with its verdicts and what it counts.
import { useEffect, useRef } from "react";
import { isStatic, useDocument, type Schemas } from "../../api";
import { Response, Rulings } from "../../parts/evidence";
import { interval, number } from "../../parts/numbers";
import { Shown } from "../../parts/states";
import { change, href, place, useParam } from "../../state/url";

export function Behind({ profile, dimension, date }: { profile: Schemas["ProfileDocument"]; dimension: string; date: string }) {
  const [after] = useParam("after");
  const top = useRef<HTMLHeadingElement>(null);
  const page = useDocument("/api/v1/boards/{system}/respondent/behind", { system: profile.system, name: profile.respondent, dimension, date, after }, !isStatic);
  const own = profile.dims.find((d) => d.name === dimension);
  useEffect(() => top.current?.focus(), [after]);
  return (
    <section className="behind" aria-labelledby="behind">
      <h2 id="behind" ref={top} tabIndex={-1}>How {dimension} was made</h2>
      {own !== undefined && own.score !== null && (
        <p className="lead">
          {number(own.score, 1)} ({interval(own.low, own.high, 1)}) is the mean over {own.n} answers of what each counts.{!isStatic && " Below are all of them, and those that count nothing, in the order of their items."}
        </p>
      )}
      {isStatic ? <p>These are files without a server, which has all the answers. <a href={href(place("/cases", { system: profile.system, respondent: profile.respondent, dimension, date }))}>Read a sample of them</a></p> : <Shown of={page} what="Loading answers">
        {(found) => (
          <>
            {found.answers.length === 0 && <p className="none">No item bears on {dimension}.</p>}
            <ol className="answers">{found.answers.map((a) => <li key={`${a.item}.${a.presentation}.${a.repeat}`}><One of={a} dimension={dimension} /></li>)}</ol>
            <p className="controls">
              {after !== "" && <button type="button" onClick={() => change({ after: null })}>From the beginning</button>}
              {found.next !== null && <button type="button" onClick={() => change({ after: found.next })}>Next answers</button>}
              <a href={href(place("/cases", { system: profile.system, respondent: profile.respondent, dimension, date }))}>Search among all answers</a>
            </p>
          </>
        )}
      </Shown>}
    </section>
  );
}

function One({ of, dimension }: { of: Schemas["AnswerBehind"]; dimension: string }) {
  return (
    <article className="case">
      <h3>{of.text}</h3>
      <p className="quiet">{of.kind}, item {of.item}{of.repeat > 0 && `, repeat ${of.repeat + 1}`}</p>
      <div className="case-body"><Response of={of} /><Rulings of={of} dimension={dimension} /></div>
    </article>
  );
}
