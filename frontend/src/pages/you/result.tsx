import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { isStatic, send, type ApiError, type Schemas } from "../../api";
import { Notices } from "../../parts/notices";
import { interval, number } from "../../parts/numbers";
import { Person } from "../../parts/person";
import { RangeBar } from "../../parts/range";
import { Shown } from "../../parts/states";
import { href, place } from "../../state/url";
import { ranks, written } from "./scores";
import { Wheel } from "./wheel";

type Asked = Schemas["QuestionnaireDocument"];
type Match = Schemas["MatchDocument"];
const [BESIDE, LISTED] = [3, 8];

interface Props { asked: Asked; scores: Record<string, number>; body: Partial<Schemas["Matching"]>; date: string; shared: boolean; forget: () => void }

export function Result({ asked, scores, body, date, shared, forget }: Props) {
  const whose = shared ? "A shared profile" : "Your values";
  // the circle's own order, then whatever does not lie on it
  const around = [...asked.circle, ...asked.dims.filter((name) => !asked.circle.includes(name))];
  const share = (value: number) => (value - asked.low) / (asked.high - asked.low);
  const sent = { system: asked.system, date: date || null, ...body };
  const match = useQuery<Match, ApiError>({ queryKey: ["match", sent], queryFn: () => send("POST", "/api/v1/match", {}, sent), enabled: !isStatic, gcTime: 0 });
  const heading = useRef<HTMLHeadingElement>(null);
  // who answered the last statement with a key or a screen reader is taken to the result
  useEffect(() => {
    if (!shared) heading.current?.focus();
  }, [shared]);
  return (
    <>
      <section aria-labelledby="profile">
        <h2 id="profile" ref={heading} tabIndex={-1}>{whose}</h2>
        <div className="you">
          <Wheel title={`${whose} on the circle of values; the table beside has the numbers`} dims={around} mine={around.map((name) => share(scores[name]!))} named />
          <table>
            <thead><tr><th scope="col">Value</th><th scope="col">Mean answer, {number(asked.low)} to {number(asked.high)}</th></tr></thead>
            <tbody>
              {[...asked.dims].sort((a, b) => scores[b]! - scores[a]!).map((name) => (
                <tr key={name}><th scope="row">{name}</th><td><b>{number(scores[name], 1)}</b><RangeBar score={scores[name]!} low={null} high={null} from={asked.low} to={asked.high} /></td></tr>
              ))}
            </tbody>
          </table>
        </div>
        <Share asked={asked} scores={scores} shared={shared} forget={forget} />
      </section>
      {isStatic
        ? <p className="lead">Who orders values alike is computed by a server, with the chance of a match by accident. These are files without one: run <code>valuecompass serve</code> to see it.</p>
        : <Shown of={match} what="Comparing">{(found) => <Matches of={found} around={around} shared={shared} />}</Shown>}
    </>
  );
}

function Matches({ of, around, shared }: { of: Match; around: readonly string[]; shared: boolean }) {
  const rows = of.matches.filter((one) => one.match !== null);
  const cultures = of.cultures?.matches ?? [];
  const [first, ...rest] = of.notices;
  return (
    <>
      <section aria-labelledby="respondents">
        <h2 id="respondents">Respondents</h2>
        <p className="verdict">
          {of.fits === true ? <>Fits best: <b><bdi>{of.winners.join(", ")}</bdi></b>, better than chance.</> : <b>{first}</b>}
        </p>
        {rows.length > 0 && <MatchTable label="Respondents by match" rows={rows.slice(0, LISTED).map((one) => ({ name: one.respondent, link: true, ...one }))} />}
        {rows.length > LISTED && <details className="twin"><summary>{rows.length - LISTED} more</summary><MatchTable label="Further respondents" rows={rows.slice(LISTED).map((one) => ({ name: one.respondent, link: true, ...one }))} /></details>}
      </section>
      {of.cultures !== null && of.cultures !== undefined && (
        <section aria-labelledby="cultures">
          <h2 id="cultures">Cultures</h2>
          <p className="verdict">
            {of.cultures.fits === true ? <>Nearest: <b><bdi>{of.cultures.nearest.join(", ")}</bdi></b>, nearer than chance.</>
              : <b>{of.cultures.fits === false ? of.cultures.notices[0] : "Whether a culture fits cannot be tested here."}</b>}
          </p>
          <MatchTable label="Cultures by match" rows={cultures.slice(0, LISTED).map((one) => ({ name: one.culture, simulated: false, link: false, low: null, high: null, ...one }))} />
        </section>
      )}
      {rows.length > 0 && <Beside of={of} around={around} shared={shared} />}
      <Notices of={[...(of.fits === true ? of.notices : rest), ...(of.cultures?.notices.slice(of.cultures.fits === false ? 1 : 0) ?? [])]} />
    </>
  );
}

interface Row { name: string; simulated: boolean; link: boolean; match: number | null; low: number | null; high: number | null }

function MatchTable({ label, rows }: { label: string; rows: readonly Row[] }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={label}>
      <table className="matches">
        <thead><tr><th scope="col">Name</th><th scope="col">Match{rows.some((one) => one.low !== null) ? ", 95 %" : ""}: 100 same order, 50 no relation</th></tr></thead>
        <tbody>
          {rows.map((one) => (
            <tr key={one.name}>
              <th scope="row"><Person name={one.name} simulated={one.simulated} link={one.link} /></th>
              <td><b>{number(one.match, 0)}</b> <small className="quiet">{interval(one.low, one.high, 0)}</small><RangeBar score={one.match} low={one.low} high={one.high} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Small circles: this order of values under that of the nearest. */
function Beside({ of, around, shared }: { of: Match; around: readonly string[]; shared: boolean }) {
  const dims = around.filter((name) => of.dimensions.includes(name));
  const inPlace = (order: readonly (number | null)[]) => dims.map((name) => (order[of.dimensions.indexOf(name)] ?? 0) / of.dimensions.length);
  const mine = inPlace(ranks(of.dimensions.map((name) => of.person[name]!)));
  const near = [
    ...of.matches.filter((m) => m.match !== null).slice(0, BESIDE).map((m) => ({ name: m.respondent, simulated: m.simulated, kind: "respondent", order: of.orders.respondents[m.respondent]! })),
    ...(of.cultures?.matches ?? []).slice(0, BESIDE).map((m) => ({ name: m.culture, simulated: false, kind: "culture", order: of.orders.cultures[m.culture]! })),
  ];
  return (
    <section aria-labelledby="beside">
      <h2 id="beside">Order beside order</h2>
      <p className="quiet">Ranks of the values on the circle, from least in the middle to most at the rim. Filled: {shared ? "the shared profile" : "you"}; dashed: the other. The names around are those of the large circle.</p>
      <div className="wheels">
        {near.map((one) => (
          <figure key={`${one.kind} ${one.name}`}>
            <Wheel title={`${one.name}: order of values beside this profile; the table below has the ranks`} dims={dims} mine={mine} other={inPlace(one.order)} />
            <figcaption><bdi>{one.name}</bdi>{one.simulated && <> <span className="badge">simulated</span></>}<br /><span className="quiet">{one.kind}</span></figcaption>
          </figure>
        ))}
      </div>
      <details className="twin">
        <summary>The same as a table</summary>
        <div className="scroll" tabIndex={0} role="region" aria-label="Ranks of values">
          <table>
            <thead><tr><th scope="col">Value</th><th scope="col">{shared ? "Shared profile" : "You"}</th>{near.map((one) => <th key={`${one.kind} ${one.name}`} scope="col"><bdi>{one.name}</bdi></th>)}</tr></thead>
            <tbody>{of.dimensions.map((name, d) => <tr key={name}><th scope="row">{name}</th><td className="number">{number(of.order[d], 1)}</td>{near.map((one) => <td key={`${one.kind} ${one.name}`} className="number">{number(one.order[d], 1)}</td>)}</tr>)}</tbody>
          </table>
        </div>
      </details>
    </section>
  );
}

function Share({ asked, scores, shared, forget }: { asked: Asked; scores: Record<string, number>; shared: boolean; forget: () => void }) {
  const [said, setSaid] = useState("");
  const [link, setLink] = useState("");
  const copy = () => {
    const address = window.location.href.split("#")[0] + href(place("/you", { system: asked.system, profile: written(asked, scores) }));
    setLink(address);
    navigator.clipboard.writeText(address).then(() => setSaid("Copied."), () => setSaid("Copy it from the field."));
  };
  return (
    <>
      <div className="controls">
        <button type="button" onClick={copy}>Copy a link to this profile</button>
        <button type="button" onClick={forget}>{shared ? "Answer the questionnaire" : "Delete my answers"}</button>
        <span role="status" className="quiet">{said}</span>
      </div>
      {link !== "" && <input className="link-out" type="text" readOnly aria-label="Link to this profile" value={link} onFocus={(event) => event.target.select()} />}
      <p className="quiet">The link holds the {asked.dims.length} rounded scores and nothing else: no answers, no name. Nothing is stored on the server.</p>
    </>
  );
}
