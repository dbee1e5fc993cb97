import type { CSSProperties } from "react";
import type { Schemas } from "../../api";
import { interval, number, ranks } from "../../parts/numbers";
import { Person } from "../../parts/person";
import { RangeBar, Score } from "../../parts/range";
import type { SystemAbout } from "../../parts/systems";
import type { Ranked } from "../../state/ranks";
import { href, place, useListParam, useParam } from "../../state/url";
import { MOST } from "../../state/compared";

type Board = Schemas["BoardDocument"];
/** So many dimensions have room beside the score. */
const BRIEF = 12;
/** What is sorted from the lowest on. */
const UPWARDS = new Set(["rank", "name"]);
export interface Line { row: Schemas["BoardRow"]; ranked: Ranked }

export function BoardTable({ board, system, rows, weights }: { board: Board; system: SystemAbout; rows: readonly Line[]; weights: readonly number[] }) {
  const [sort, setSort] = useParam("sort", "rank");
  const [shown, setShown] = useParam("columns");
  const [compared, setCompared] = useListParam("with");
  const [date] = useParam("date");
  const wide = shown === "all";
  const brief = !wide && board.dims.length > 1 && board.dims.length <= BRIEF;
  const [from, to] = limits(board, rows);
  const ordered = [...rows].sort(by(sort));
  const decimals = to - from <= 2 ? 2 : undefined;
  const facts = (["developer", "openness", "release"] as const).filter((key) => rows.some(({ row }) => row.about[key] !== undefined));
  const heading = (key: string, label: string, hint?: string) => (
    <th key={key} scope="col" title={hint} aria-sort={sort === key ? (UPWARDS.has(key) ? "ascending" : "descending") : undefined} className={brief && key.startsWith("dim:") ? "brief" : undefined}>
      <button type="button" className="sort" onClick={() => setSort(key)}><span>{label}</span>{sort === key ? <span aria-hidden="true">{UPWARDS.has(key) ? " ▴" : " ▾"}</span> : ""}</button>
    </th>
  );
  return (
    <>
      <div className="scroll board-scroll" tabIndex={0} role="region" aria-label="Board">
        <table className={wide ? "board all" : "board"}>
          <caption className="unseen">{system.name}: respondents by weighted score</caption>
          <thead>
            <tr>
              <th scope="col" className="pick"><span className="unseen">Compare</span></th>
              {heading("rank", "Rank")}
              {heading("name", "Respondent")}
              {heading("score", "Score", "Weighted mean of the dimensions, 95 % interval")}
              {(wide || brief) && board.dims.map((name) => heading(`dim:${name}`, name, system.dimensions.find((d) => d.name === name)?.definition))}
              {!wide && facts.map((key) => heading(key, key[0]!.toUpperCase() + key.slice(1)))}
            </tr>
          </thead>
          <tbody>
            {ordered.map(({ row, ranked }) => (
              <tr key={row.respondent}>
                <td className="pick"><input type="checkbox" aria-label={`Compare ${row.respondent}`} checked={compared.includes(row.respondent)} disabled={!compared.includes(row.respondent) && compared.length >= MOST} onChange={() => setCompared(compared.includes(row.respondent) ? compared.filter((n) => n !== row.respondent) : [...compared, row.respondent])} /></td>
                <td className="rank">{ranks(ranked.rank, ranked.rankLow, ranked.rankHigh)}</td>
                <th scope="row"><Person name={row.respondent} simulated={row.simulated} /></th>
                <td className="overall">
                  <Score score={ranked.score} low={ranked.low} high={ranked.high} decimals={decimals ?? 1} />
                  <RangeBar score={ranked.score} low={ranked.low} high={ranked.high} from={from} to={to} />
                </td>
                {wide && board.dims.map((name, d) => {
                  const cell = row.dimensions[name]!;
                  return (
                    <td key={name} className={weights[d] === 0 ? "unweighted" : undefined}>
                      <Score {...cell} decimals={decimals} />
                      <RangeBar {...cell} from={from} to={to} series={1} />
                      {cell.n !== null && cell.n !== undefined && <small className="quiet">n {number(cell.n, 0)}</small>}
                    </td>
                  );
                })}
                {brief && board.dims.map((name, d) => <Brief key={name} cell={row.dimensions[name]!} name={name} from={from} to={to} decimals={decimals} weighted={weights[d] !== 0} />)}
                {!wide && facts.map((key) => <td key={key}><bdi>{row.about[key] ?? "–"}</bdi></td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {brief && <p className="quiet brief-note">A dimension stands with its score alone, the darker the higher; all of them with their intervals and n are one click away.</p>}
      <p className="controls">
        {compared.length >= 2
          ? <a className="button" href={href(place("/compare", { system: board.system, date, with: compared }))}>Compare these {compared.length}</a>
          : <span className="quiet">Tick two to {MOST} to compare them.</span>}
        <button type="button" aria-pressed={wide} onClick={() => setShown(wide ? "" : "all")}>{wide ? "Hide the dimensions" : `Show all ${board.dims.length} dimensions`}</button>
      </p>
    </>
  );
}

/** A score in a narrow cell, shaded by where it lies on the axis. */
function Brief({ cell, name, from, to, decimals, weighted }: { cell: Schemas["BoardRow"]["dimensions"][string]; name: string; from: number; to: number; decimals: number | undefined; weighted: boolean }) {
  if (cell.score === null) return <td className="brief none" title={`${name}: not measured`}>–</td>;
  const at = Math.min(1, Math.max(0, (cell.score - from) / (to - from || 1)));
  const limits = interval(cell.low, cell.high, decimals);
  const shade = { "--t": at.toFixed(3) } as CSSProperties;
  return <td className={weighted ? "brief" : "brief unweighted"} style={shade} title={`${name}${limits === "" ? "" : `, 95 %: ${limits}`}`}>{number(cell.score, decimals)}</td>;
}

/** The ends of the axis: those of the scale; of a table that does not say, of its numbers. */
function limits(board: Board, rows: readonly Line[]): [number, number] {
  if (board.scale.low !== null && board.scale.high !== null) return [board.scale.low, board.scale.high];
  const all = rows.flatMap(({ row }) => Object.values(row.dimensions).flatMap((c) => (c.score === null ? [] : [c.score])));
  return all.length === 0 ? [0, 100] : [Math.min(0, ...all), Math.max(...all)];
}

function by(sort: string): (a: Line, b: Line) => number {
  const last = (value: number | null) => value ?? Infinity;
  if (sort === "name") return (a, b) => a.row.respondent.localeCompare(b.row.respondent);
  if (sort === "score") return (a, b) => (b.ranked.score ?? -Infinity) - (a.ranked.score ?? -Infinity);
  if (sort.startsWith("dim:")) {
    const name = sort.slice(4);
    return (a, b) => (b.row.dimensions[name]?.score ?? -Infinity) - (a.row.dimensions[name]?.score ?? -Infinity);
  }
  if (sort !== "rank") return (a, b) => (b.row.about[sort] ?? "").localeCompare(a.row.about[sort] ?? "");
  return (a, b) => last(a.ranked.rank) - last(b.ranked.rank) || (b.ranked.score ?? -Infinity) - (a.ranked.score ?? -Infinity);
}
