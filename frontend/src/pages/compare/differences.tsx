// A pair's differences about zero, and which of all pairs' hold after false discoveries are under control.
import type { Schemas } from "../../api";
import { chance, interval, number, signed } from "../../parts/numbers";
import { change, useParam } from "../../state/url";

type All = Schemas["ComparisonDocument"];
type Pair = Schemas["Pair"];

/** The pair of the address, whichever way round it is named; else the first. */
export function usePair(pairs: readonly Pair[]): Pair {
  const [first] = useParam("first");
  const [second] = useParam("second");
  return pairs.find((p) => p.a === first && p.b === second) ?? pairs[0]!;
}

const pick = (pair: Pair) => change({ first: pair.a, second: pair.b, item: null });

export function Differences({ all, pair, order }: { all: All; pair: Pair; order: readonly string[] }) {
  const cells = order.flatMap((name) => (pair.dimensions[name] === undefined ? [] : [{ name, ...pair.dimensions[name] }]));
  const reach = Math.max(all.imported ? 0.01 : 10, ...cells.flatMap((c) => [c.difference, c.low, c.high].map((v) => Math.abs(v ?? 0))));
  const decimals = reach <= 2 ? 2 : 1;
  return (
    <section aria-labelledby="differences">
      <h2 id="differences">Difference of two</h2>
      {all.pairs.length > 1 && (
        <label className="field no-print">
          <span>Pair</span>
          <select value={all.pairs.indexOf(pair)} onChange={(e) => pick(all.pairs[Number(e.target.value)]!)}>
            {all.pairs.map((p, i) => <option key={i} value={i}>{p.a} less {p.b}</option>)}
          </select>
        </label>
      )}
      <p className="lead"><b><bdi>{pair.a}</bdi></b> less <b><bdi>{pair.b}</bdi></b>{all.imported ? "." : `, on the items that both answered, with 95 % intervals. “Differs” holds at a false discovery rate of ${100 * all.fdr} % over all ${all.pairs.length * cells.length} differences on this page.`}</p>
      <div className="scroll" tabIndex={0} role="region" aria-label={`${pair.a} less ${pair.b}`}>
        <table className="bars">
          <thead>
            <tr>
              <th scope="col">Dimension</th><th scope="col" className="wide-bar">{number(-reach, decimals)} to {number(reach, decimals)}</th><th scope="col" className="number">Difference</th>
              {!all.imported && <><th scope="col"><span className="unseen">Differs</span></th><th scope="col" className="number">q</th><th scope="col" className="number">items</th></>}
            </tr>
          </thead>
          <tbody>
            {cells.map((c) => (
              <tr key={c.name}>
                <th scope="row">{c.name}</th>
                <td><ZeroBar {...c} reach={reach} sure={c.discovered === true} /></td>
                <td className="number"><b>{signed(c.difference, decimals)}</b> <small className="quiet">{interval(c.low, c.high, decimals)}</small></td>
                {!all.imported && <><td>{c.discovered === true && <span className="differs">differs</span>}</td><td className="number">{chance(c.q)}</td><td className="number">{c.n}</td></>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function ZeroBar({ difference, low, high, reach, sure }: { difference: number | null; low: number | null; high: number | null; reach: number; sure: boolean }) {
  if (difference === null) return <span className="none">not both measured</span>;
  const x = (value: number) => 50 + (50 * Math.min(reach, Math.max(-reach, value))) / reach;
  return (
    <svg className={`range ${sure ? "s1" : "s6"}`} viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">
      <line className="track" x1="0" x2="100" y1="6" y2="6" /><line className="track" x1="50" x2="50" y1="0" y2="12" />
      {low !== null && high !== null && <rect className="whisker" x={x(low)} width={Math.max(0.4, x(high) - x(low))} y="4.4" height="3.2" />}
      <rect className="dot" x={x(difference) - 0.9} width="1.8" y="1" height="10" />
    </svg>
  );
}

/** Every pair on every dimension; what holds is in bold and marked. */
export function AllPairs({ all, order }: { all: All; order: readonly string[] }) {
  if (all.pairs.length < 2) return null;
  const names = order.filter((name) => all.pairs.some((p) => p.dimensions[name] !== undefined));
  const largest = Math.max(...all.pairs.flatMap((p) => names.map((n) => Math.abs(p.dimensions[n]?.difference ?? 0))));
  const decimals = largest <= 2 ? 2 : 1;
  return (
    <section aria-labelledby="pairs">
      <h2 id="pairs">All pairs</h2>
      <p className="lead">The first less the second.{!all.imported && " A star: it differs after false discoveries are under control."}</p>
      <div className="scroll" tabIndex={0} role="region" aria-label="All pairs">
        <table className="pairs">
          <thead><tr><th scope="col">Pair</th>{!all.imported && <th scope="col" className="number">differ</th>}{names.map((n) => <th key={n} scope="col" className="number">{n}</th>)}</tr></thead>
          <tbody>
            {all.pairs.map((p) => (
              <tr key={`${p.a}\n${p.b}`}>
                <th scope="row"><button type="button" className="plain" onClick={() => pick(p)}><bdi>{p.a}</bdi> less <bdi>{p.b}</bdi></button></th>
                {!all.imported && <td className="number">{names.filter((n) => p.dimensions[n]?.discovered === true).length} of {names.length}</td>}
                {names.map((n) => {
                  const cell = p.dimensions[n];
                  const sure = cell?.discovered === true;
                  return <td key={n} className="number">{cell === undefined || cell.difference === null ? "–" : sure ? <b>{signed(cell.difference, decimals)}<span aria-hidden="true">*</span><span className="unseen"> differs</span></b> : signed(cell.difference, decimals)}</td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
