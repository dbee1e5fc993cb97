// How scores moved between dated measurements: one small chart a dimension, and the differences.
import { useDocument, type Schemas } from "../../api";
import { Notices } from "../../parts/notices";
import { chance, interval, number, signed } from "../../parts/numbers";
import { Failure } from "../../parts/states";
import type { SystemAbout } from "../../parts/systems";

type Document = Schemas["DriftDocument"];

export function Drift({ system, name }: { system: SystemAbout; name: string }) {
  const several = system.measurements.length > 1;
  const found = useDocument("/api/v1/boards/{system}/respondent/drift", { system: system.id, name }, several);
  if (!several) return null;
  if (found.error !== null) return <Failure message={found.error.message} />;
  if (found.data === undefined || found.data.series.length < 2) return null;
  return <Moved of={found.data} />;
}

function Moved({ of }: { of: Document }) {
  const names = [...new Set(of.series.flatMap((s) => Object.keys(s.dimensions)))];
  const values = of.series.flatMap((s) => Object.values(s.dimensions).flatMap((d) => [d.score, d.low, d.high].filter((v) => v !== null)));
  const imported = of.series.every((s) => s.imported);
  const [from, to] = imported ? [Math.min(0, ...values), Math.max(...values)] : [0, 100];
  return (
    <section aria-labelledby="drift">
      <h2 id="drift">Over time</h2>
      <p className="lead">{of.series.length} measurements, from {of.series[0]!.date} to {of.series.at(-1)!.date}. Each chart runs over the whole axis, {number(from, imported ? 2 : 0)} to {number(to, imported ? 2 : 0)}; lines are 95 % intervals.</p>
      <ul className="small-charts">{names.map((name) => <li key={name}><Small of={of} name={name} from={from} to={to} /></li>)}</ul>
      <Scores of={of} names={names} decimals={imported ? 2 : 1} />
      {of.changes.map((change) => <Changes key={change.measurements.join()} of={change} fdr={of.fdr} imported={imported} />)}
      <Notices of={of.notices} title="About these dates" />
    </section>
  );
}

function Scores({ of, names, decimals }: { of: Document; names: readonly string[]; decimals: number }) {
  return (
    <details className="further twin">
      <summary>The same as a table</summary>
      <div className="scroll" tabIndex={0} role="region" aria-label="Scores by date">
        <table>
          <thead><tr><th scope="col">Dimension</th>{of.series.map((s) => <th key={s.measurement} scope="col" className="number">{s.date}</th>)}</tr></thead>
          <tbody>
            {names.map((name) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                {of.series.map((s) => { const d = s.dimensions[name]; return <td key={s.measurement} className="number">{number(d?.score, decimals)} <small className="quiet">{interval(d?.low, d?.high, decimals)}</small></td>; })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function Small({ of, name, from, to }: { of: Document; name: string; from: number; to: number }) {
  const times = of.series.map((s) => Date.parse(s.date));
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const x = (i: number) => (last === first ? (180 * i) / Math.max(1, times.length - 1) : (180 * (times[i]! - first)) / (last - first)) + 10;
  const y = (value: number) => 66 - (60 * (value - from)) / (to - from || 1);
  const points = of.series.flatMap((s, i) => {
    const d = s.dimensions[name];
    return d === undefined || d.score === null ? [] : [{ ...d, score: d.score, at: x(i), date: s.date }];
  });
  return (
    <figure className="small-chart s0">
      <figcaption>{name}</figcaption>
      <svg viewBox="0 0 200 72" role="img" aria-label={`${name}: ${points.map((p) => `${p.date} ${number(p.score, to - from > 4 ? 0 : 2)}`).join(", ")}`}>
        <path className="spoke" d="M4 6H196M4 36H196M4 66H196" />
        <path className="line" d={points.map((p, i) => `${i === 0 ? "M" : "L"}${p.at.toFixed(1)} ${y(p.score).toFixed(1)}`).join("")} />
        {points.map((p) => (
          <g key={p.at + p.date}>
            {p.low !== null && p.high !== null && <path className="whisker" d={`M${p.at.toFixed(1)} ${y(p.low).toFixed(1)}V${y(p.high).toFixed(1)}`} />}
            <circle className="dot" cx={p.at} cy={y(p.score)} r="3.2"><title>{`${p.date}: ${number(p.score, to - from > 4 ? 1 : 2)}`}</title></circle>
          </g>
        ))}
      </svg>
    </figure>
  );
}

function Changes({ of, fdr, imported }: { of: Schemas["Change"]; fdr: number; imported: boolean }) {
  const rows = Object.entries(of.dimensions);
  const moved = rows.filter(([, d]) => d.discovered === true).length;
  const decimals = imported ? 2 : 1;
  return (
    <details className="further">
      <summary>{of.until} less {of.since}: {imported ? "bare differences, no interval was published" : `${moved} of ${rows.length} dimensions moved`}</summary>
      <div className="scroll" tabIndex={0} role="region" aria-label={`Changes from ${of.since} to ${of.until}`}>
        <table>
          <thead><tr><th scope="col">Dimension</th><th scope="col" className="number">Difference</th><th scope="col" className="number">q</th><th scope="col" className="number">items</th><th scope="col">At a false discovery rate of {100 * fdr} %</th></tr></thead>
          <tbody>
            {rows.map(([name, d]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td className="number">{signed(d.difference, decimals)} <small className="quiet">{interval(d.low, d.high, decimals)}</small></td>
                <td className="number">{chance(d.q)}</td><td className="number">{d.n ?? "–"}</td>
                <td>{d.discovered === null ? "not known" : d.discovered ? <b>moved</b> : "no sure change"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {of.notes.length > 0 && <p className="quiet">What else changed: {of.notes.join("; ")}.</p>}
    </details>
  );
}
