// The specification curve: what every defensible choice makes of one culture's nearness.
import type { Schemas } from "../../api";
import { number, percent } from "../../parts/numbers";

type Curve = Schemas["CurveDocument"];
type Choice = Schemas["Specification"];
const METHODS = ["spearman", "kendall", "pearson"] as const;
const [LEFT, RIGHT, TOP, HIGH, ROW, STEP] = [190, 12, 12, 190, 14, 13];

/** A treatment in words. */
export function inWords(treatment: string): string {
  const [kind, name] = [treatment.slice(0, treatment.indexOf(":")), treatment.slice(treatment.indexOf(":") + 1)];
  if (kind === "without") return `without ${name}`;
  if (kind === "last") return `${name} put last`;
  return "values as they are";
}

export function CurvePlot({ of, culture }: { of: Curve; culture: string }) {
  const at = of.cultures.indexOf(culture);
  const claim = of.claims.find((one) => one.culture === culture);
  const rows = of.specifications.filter((s) => s.estimates[at] !== null && s.estimates[at] !== undefined)
    .sort((a, b) => a.estimates[at]! - b.estimates[at]!);
  if (claim === undefined || rows.length === 0) return <p className="none">Nothing can be compared here.</p>;
  const said = <>{percent(claim.share)} of {claim.of} choices</>;
  return (
    <>
      <p>
        That <bdi>{culture}</bdi> alone is the nearest is said by <b>{said}</b>, and so {claim.supported ? <b>supported</b> : <b>not supported</b>}:
        a claim counts as supported from {percent(of.threshold)} on.
        {claim.hangs_on.length > 0 && <> It hangs on how {claim.hangs_on.join(", ")} {claim.hangs_on.length > 1 ? "are" : "is"} treated.</>}
      </p>
      <figure className="chart">
        <figcaption>Similarity to <bdi>{culture}</bdi> under each choice, the lowest first; filled where it alone is the nearest. Below: the choice.</figcaption>
        <div className="scroll" tabIndex={0} role="region" aria-label="Specification curve"><Drawn rows={rows} at={at} culture={culture} /></div>
        <details className="twin">
          <summary>The same as a table</summary>
          <div className="scroll" tabIndex={0} role="region" aria-label="Table of the choices"><Table rows={rows} at={at} culture={culture} /></div>
        </details>
      </figure>
    </>
  );
}

const alone = (row: Choice, culture: string) => row.nearest.length === 1 && row.nearest[0] === culture;

function Drawn({ rows, at, culture }: { rows: readonly Choice[]; at: number; culture: string }) {
  const treatments = [...new Set(rows.map((row) => row.treatment))].sort((a, b) => order(a) - order(b) || a.localeCompare(b, "en"));
  const lines = [...METHODS.map((m) => ({ key: m, label: m, has: (r: Choice) => r.method === m })), ...treatments.map((t) => ({ key: t, label: inWords(t), has: (r: Choice) => r.treatment === t }))];
  const all = rows.map((row) => row.estimates[at]!);
  const [low, high] = [Math.floor(5 * Math.min(0, ...all)) / 5, Math.ceil(5 * Math.max(0, ...all)) / 5];
  const [x, y] = [(i: number) => LEFT + STEP * (i + 0.5), (v: number) => TOP + HIGH * (1 - (v - low) / (high - low || 1))];
  const [width, foot] = [LEFT + RIGHT + STEP * rows.length, TOP + HIGH + 22];
  const ticks = [low, (low + high) / 2, high, 0].filter((v, i, all) => all.findIndex((w) => Math.abs(w - v) < 0.05) === i);
  return (
    <svg className="spec" viewBox={`0 0 ${width} ${foot + ROW * lines.length}`} width={width} height={foot + ROW * lines.length} aria-hidden="true">
      {ticks.map((v) => <g key={v}><line className="axis" x1={LEFT} x2={width - RIGHT} y1={y(v)} y2={y(v)} /><text x={LEFT - 8} y={y(v) + 4} textAnchor="end">{number(v, 1)}</text></g>)}
      {rows.map((row, i) => <circle key={i} className={`s${METHODS.indexOf(row.method)}${alone(row, culture) ? "" : " open"}`} cx={x(i)} cy={y(all[i]!)} r={3.6}><title>{`${row.method}, ${inWords(row.treatment)}: ${number(all[i], 2)}`}</title></circle>)}
      {lines.map((line, l) => (
        <g key={line.key}>
          <text x={LEFT - 8} y={foot + ROW * l + 4} textAnchor="end">{line.label}</text>
          {rows.map((row, i) => line.has(row) && <rect key={i} className={`s${METHODS.indexOf(row.method)}`} x={x(i) - 2} y={foot + ROW * l - 4} width={4} height={8} />)}
        </g>
      ))}
    </svg>
  );
}

const order = (treatment: string) => ["as-is", "without", "last"].indexOf(treatment.split(":")[0]!);

function Table({ rows, at, culture }: { rows: readonly Choice[]; at: number; culture: string }) {
  return (
    <table>
      <thead><tr><th scope="col">Correlation</th><th scope="col">Values</th><th scope="col"><bdi>{culture}</bdi></th><th scope="col">Nearest</th></tr></thead>
      <tbody>
        {rows.map((row, i) => (
          <tr key={i}><td>{row.method}</td><td>{inWords(row.treatment)}</td><td className="number">{number(row.estimates[at], 2)}</td><td><bdi>{row.nearest.join(", ")}</bdi></td></tr>
        ))}
      </tbody>
    </table>
  );
}
