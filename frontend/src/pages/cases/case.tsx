// One case: item, answer, every verdict, how the answer was got; and others on the same item beside it.
import { useParams } from "wouter";
import { isStatic, useDocument, type Schemas } from "../../api";
import { count } from "../../parts/numbers";
import { Person } from "../../parts/person";
import { Failure, Shown } from "../../parts/states";
import { href, place, useParam } from "../../state/url";
import { Asked, caseLink, Legend, Said, type Measurement } from "./card";
import { Report, reportable } from "./report";
import { whole } from "./sampled";
import { SAID, sideOf, type Case } from "./cases";
import "../../style/cases.css";

interface Place { measurement: string; position: string; item: string; presentation: string; repeat: string }

export default function CasePage() {
  const params = useParams() as unknown as Place;
  return isStatic ? <Sampled at={params} /> : <Live params={params} />;
}

/** An export holds the cases of its sample, those of one respondent in one file. */
function Sampled({ at }: { at: Place }) {
  const found = useDocument("/api/v1/samples/{measurement}/{position}", { measurement: at.measurement, position: at.position });
  return (
    <Shown of={found} what="Loading the case">
      {(data) => {
        const one = data.cases.find((c) => c.item === at.item && String(c.presentation ?? 0) === at.presentation && String(c.repeat ?? 0) === at.repeat);
        return one === undefined
          ? <Outside measurement={data.measurement} />
          : <Whole of={whole(data, one)} measurement={data.measurement} words="" />;
      }}
    </Shown>
  );
}

/** A case that stands in no file: say what the files hold, and where to find it. */
function Outside({ measurement }: { measurement: Measurement }) {
  const sample = useDocument("/api/v1/samples/{measurement}", { measurement: measurement.id }).data;
  const held = sample === undefined ? "a sample of the cases" : `a sample of ${count((sample.lines ?? []).length)} of ${count(sample.of ?? 0)} cases of this measurement`;
  return (
    <Failure title="This case is not in the sample" message={`These are files without a server: they hold ${held}. A server has each of them.`}>
      <p><a href={href(place("/cases", { system: measurement.system, date: measurement.id }))}>Cases that are here</a></p>
    </Failure>
  );
}

function Live({ params }: { params: Place }) {
  const [q] = useParam("q");
  const found = useDocument("/api/v1/cases/{measurement}/{position}/{item}/{presentation}/{repeat}", { ...params, q });
  return <Shown of={found} what="Loading the case">{(data) => <Whole of={data.case} measurement={data.measurement} words={q} />}</Shown>;
}

function Whole({ of, measurement, words }: { of: Case; measurement: Measurement; words: string }) {
  const [other, setOther] = useParam("beside");
  const others = measurement.respondents.filter((r) => r.name !== of.respondent);
  return (
    <>
      <p className="eyebrow"><a href={href(place("/cases", { system: measurement.system, date: measurement.id, q: words || null }))}>Cases</a></p>
      <h1>One case</h1>
      <p className="lead">Asked in the measurement of {measurement.date}, judged by <bdi>{of.judge}</bdi>.</p>
      <section aria-label="What was asked" className="case"><Asked of={of} /></section>
      {isStatic ? <p className="quiet">To put answers of others beside it needs a server.</p> : others.length > 0 && (
        <p className="controls">
          <label className="field">
            <span>Beside it</span>
            <select value={other} onChange={(e) => setOther(e.target.value)}>
              <option value="">nobody</option>
              {others.map((r) => <option key={r.name} value={r.name}>{r.simulated ? `${r.name} (simulated)` : r.name}</option>)}
            </select>
          </label>
        </p>
      )}
      <Legend words={words !== ""} />
      <div className={other === "" || isStatic ? undefined : "beside"}>
        <Answer of={of} measurement={measurement} />
        {other !== "" && !isStatic && <Beside of={of} other={other} measurement={measurement} />}
      </div>
    </>
  );
}

function Beside({ of, other, measurement }: { of: Case; other: string; measurement: Measurement }) {
  const found = useDocument("/api/v1/beside/{measurement}/{item}", { measurement: measurement.id, item: of.item.id, respondent: [other] });
  return (
    <Shown of={found} what="Loading the other answer">
      {(data) => {
        const all = data.answers[0]?.cases ?? [];
        const same = all.find((c) => c.address.presentation === of.address.presentation && c.address.repeat === of.address.repeat) ?? all[0];
        return same === undefined
          ? <Failure title="There is no answer" message={`${other} was not asked this item.`} />
          : <Answer of={same} measurement={measurement} link />;
      }}
    </Shown>
  );
}

function Answer({ of, measurement, link = false }: { of: Case; measurement: Measurement; link?: boolean }) {
  return (
    <section className="case" aria-label={`Answer of ${of.respondent}`}>
      <header>
        <h2><Person name={of.respondent} simulated={of.simulated} /></h2>
        {link && <a className="open" href={href(caseLink(of))}>Whole case</a>}
      </header>
      <Said of={of} scoring={measurement.scoring} />
      {of.verdicts.length > 0 && <Verdicts of={of} measurement={measurement} />}
      {!isStatic && reportable(of) && <Report key={JSON.stringify(of.address)} of={of} measurement={measurement} />}
      {of.asked !== null && <How asked={of.asked} />}
    </section>
  );
}

function Verdicts({ of, measurement }: { of: Case; measurement: Measurement }) {
  const letters = Array.from(of.response.text);
  const [all, setAll] = useParam("verdicts");
  const telling = of.verdicts.filter((v) => v.missing !== null || v.start !== null || (v.expressed ?? 0) > 0 || measurement.scoring !== "expression");
  const shown = all === "all" ? of.verdicts : telling;
  return (
    <>
      <h3>Verdicts</h3>
      <div className="scroll" tabIndex={0} role="region" aria-label={`Verdicts on ${of.respondent}`}>
        <table>
          <thead><tr><th scope="col">Dimension</th><th scope="col">Point</th><th scope="col" className="number">Expressed</th><th scope="col">Text is</th><th scope="col" className="number">Confidence</th><th scope="col">Evidence</th></tr></thead>
          <tbody>
            {shown.map((v) => (
              <tr key={`${v.part} ${v.dimension}`}>
                <th scope="row"><bdi>{v.dimension}</bdi></th>
                <td>{v.part + 1}</td>
                <td className="number">{v.expressed === null ? "–" : v.expressed.toFixed(2)}</td>
                <td>{v.expressed === null || (v.expressed === 0 && v.valence === null && measurement.scoring === "expression") ? "–" : SAID[sideOf(v, measurement.scoring)]}</td>
                <td className="number">{v.confidence === null ? "–" : v.confidence.toFixed(2)}</td>
                <td>
                  {v.start !== null && v.end !== null && <q><bdi>{letters.slice(v.start, v.end).join("")}</bdi></q>}
                  {v.missing !== null && <span className="none">no verdict: {v.missing}</span>}
                  {v.note !== null && <span className="quiet"> {v.note}</span>}
                  {v.votes !== null && <span className="quiet"> votes: {v.votes.map((one) => (one === null ? "–" : one.toFixed(2))).join(", ")}</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {(telling.length < of.verdicts.length || all === "all") && (
        <p><button type="button" className="plain" aria-pressed={all === "all"} onClick={() => setAll(all === "all" ? "" : "all")}>{all === "all" ? "Only verdicts that found something" : `All ${of.verdicts.length} verdicts`}</button></p>
      )}
    </>
  );
}

function How({ asked }: { asked: Schemas["Asked"] }) {
  const parameters = Object.entries(asked.parameters);
  return (
    <details>
      <summary>How this answer was got</summary>
      <dl className="facts">
        <dt>Model</dt><dd><bdi>{asked.model}</bdi>{asked.version !== "" && <> (<bdi>{asked.version}</bdi>)</>}</dd>
        <dt>Parameters</dt><dd>{parameters.length === 0 ? "none" : parameters.map(([name, value]) => `${name} ${JSON.stringify(value)}`).join(", ")}</dd>
        <dt>Tokens</dt><dd>{asked.input_tokens} in, {asked.output_tokens} out; stopped: {asked.stop_reason}</dd>
        <dt>Time and cost</dt><dd>{asked.seconds.toFixed(1)} s, {asked.usd === null ? "cost not known" : `${asked.usd.toFixed(5)} US dollars`}; {asked.created}</dd>
        {asked.system_prompt !== null && <><dt>System prompt</dt><dd><pre>{asked.system_prompt}</pre></dd></>}
        <dt>Prompt</dt><dd><pre>{asked.prompt}</pre></dd>
      </dl>
    </details>
  );
}
