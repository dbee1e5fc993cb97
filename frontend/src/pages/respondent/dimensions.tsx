import type { Schemas } from "../../api";
import { interval, number, percent } from "../../parts/numbers";
import { RangeBar } from "../../parts/range";
import type { SystemAbout } from "../../parts/systems";
import { change, useParam } from "../../state/url";

type Profile = Schemas["ProfileDocument"];

/** Every dimension with its interval, what it rests on, and the way to the answers behind it. */
export function Dimensions({ profile, system }: { profile: Profile; system: SystemAbout }) {
  const [dim] = useParam("dim");
  const [from, to] = [profile.axis.low ?? 0, profile.axis.high ?? 100];
  const decimals = to - from <= 2 ? 2 : undefined;
  const measured = !profile.imported;
  return (
    <section aria-labelledby="dimensions">
      <h2 id="dimensions">Dimensions</h2>
      <div className="scroll" tabIndex={0} role="region" aria-label="Scores by dimension">
        <table className="bars">
          <caption className="unseen">Scores of {profile.respondent} with 95 % intervals</caption>
          <thead>
            <tr>
              <th scope="col">Dimension</th>
              <th scope="col" className="wide-bar">{number(from, decimals)} to {number(to, decimals)}</th>
              <th scope="col" className="number">Score</th>
              {measured && <><th scope="col" className="number">n</th><th scope="col" className="number">refused</th><th scope="col" className="number">missing</th><th scope="col">How was this made</th></>}
            </tr>
          </thead>
          <tbody>
            {profile.dims.map((d) => (
              <tr key={d.name} className={d.name === dim ? "chosen" : undefined}>
                <th scope="row" title={system.dimensions.find((x) => x.name === d.name)?.definition}>{d.name}</th>
                <td><RangeBar score={d.score} low={d.low} high={d.high} from={from} to={to} /></td>
                <td className="number"><b>{number(d.score, decimals ?? 1)}</b> <small className="quiet">{interval(d.low, d.high, decimals ?? 1)}</small></td>
                {measured && (
                  <>
                    <td className="number">{d.n}</td><td className="number">{d.refused}</td><td className="number">{d.missing}</td>
                    <td>
                      <button type="button" className="plain" aria-expanded={d.name === dim} onClick={() => change({ dim: d.name === dim ? null : d.name, after: null })}>
                        {d.name === dim ? "Hide" : "Show"} the answers<span className="unseen"> behind {d.name}</span>
                      </button>
                    </td>
                  </>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {measured && <Declined profile={profile} />}
      <FurtherScores profile={profile} />
    </section>
  );
}

function Declined({ profile }: { profile: Profile }) {
  const sum = (key: "n" | "refused" | "missing") => profile.dims.reduce((total, d) => total + (d[key] ?? 0), 0);
  const [n, refused, missing] = [sum("n"), sum("refused"), sum("missing")];
  const all = n + refused + missing;
  if (all === 0) return null;
  return <p className="quiet">Refusals and missing answers are never counted as zero. {percent(refused / all)} declined, {percent(missing / all)} missing, over all dimensions.</p>;
}

function FurtherScores({ profile }: { profile: Profile }) {
  const keys = [...new Map(profile.dims.flatMap((d) => d.details.map((x) => [x.key, x.label] as const)))];
  if (keys.length === 0) return null;
  return (
    <details className="further">
      <summary>Further scores: {keys.map(([, label]) => label).join(", ")}</summary>
      <div className="scroll" tabIndex={0} role="region" aria-label="Further scores">
        <table>
          <thead><tr><th scope="col">Dimension</th>{keys.map(([key, label]) => <th key={key} scope="col" className="number">{label}</th>)}</tr></thead>
          <tbody>
            {profile.dims.map((d) => (
              <tr key={d.name}>
                <th scope="row">{d.name}</th>
                {keys.map(([key]) => {
                  const found = d.details.find((x) => x.key === key);
                  return <td key={key} className="number">{found === undefined ? "–" : <>{number(found.score)} <small className="quiet">{interval(found.low, found.high)}{found.n !== null && found.n !== undefined && `, n ${found.n}`}</small></>}</td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
