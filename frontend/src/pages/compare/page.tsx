// Up to eight respondents side by side, who differs from whom, and the items that separate them.
import { useRef, useState } from "react";
import { address, isStatic, useDocument, type Schemas } from "../../api";
import { Dots } from "../../parts/dots";
import { Download } from "../../parts/download";
import { Notices } from "../../parts/notices";
import { interval, number } from "../../parts/numbers";
import { Person } from "../../parts/person";
import { savePng } from "../../parts/picture";
import { Radar } from "../../parts/radar";
import type { Series } from "../../parts/shapes";
import { Shown, Unmeasured } from "../../parts/states";
import { DatePicker, SystemTabs, useSystem, type SystemAbout } from "../../parts/systems";
import { MOST } from "../../state/compared";
import { useListParam, useParam } from "../../state/url";
import { AllPairs, Differences, usePair } from "./differences";
import { Picker } from "./picker";
import { Separating } from "./separating";
import "../../style/people.css";
import "../../style/compare.css";

type Board = Schemas["BoardDocument"];

export default function ComparePage() {
  const meta = useDocument("/api/v1/meta");
  return <Shown of={meta} what="Loading">{(found) => <Chosen systems={found.systems} />}</Shown>;
}

function Chosen({ systems }: { systems: readonly SystemAbout[] }) {
  const system = useSystem(systems);
  const [date] = useParam("date");
  const board = useDocument("/api/v1/boards/{system}", { system: system?.id, date }, system !== undefined);
  if (system === undefined) return <Unmeasured page="Compare" then="Measure two models or more, and you see here where they surely differ:" />;
  return (
    <>
      <p className="eyebrow">Compare</p>
      <h1>{system.name}</h1>
      <p className="lead">Two to eight respondents on the same items. A difference counts as one only if it holds after all that are looked at.</p>
      {systems.length > 1 && <SystemTabs systems={systems} chosen={system} />}
      <div className="controls"><DatePicker system={system} /></div>
      <Shown of={board} what="Loading scores">{(found) => <Picked board={found} system={system} date={date} />}</Shown>
    </>
  );
}

function Picked({ board, system, date }: { board: Board; system: SystemAbout; date: string }) {
  const [names] = useListParam("with");
  const rows = [...new Set(names)].flatMap((name) => board.rows.filter((r) => r.respondent === name)).slice(0, MOST);
  const unknown = names.filter((name) => !board.rows.some((r) => r.respondent === name));
  return (
    <>
      <Picker board={board} chosen={rows.map((r) => r.respondent)} />
      {unknown.length > 0 && <p className="quiet" role="status">Not on this board: {unknown.map((name, i) => <span key={name}>{i > 0 && ", "}<bdi>{name}</bdi></span>)}.</p>}
      {rows.length < 2 ? <p className="none">Choose at least two.</p> : <Compared board={board} system={system} date={date} rows={rows} />}
    </>
  );
}

function Compared({ board, system, date, rows }: { board: Board; system: SystemAbout; date: string; rows: readonly Schemas["BoardRow"][] }) {
  const names = rows.map((r) => r.respondent);
  const params = { system: board.system, date, with: names };
  const found = useDocument("/api/v1/boards/{system}/comparison", params, !isStatic);
  const order = system.circle.length > 0 ? system.circle.filter((d) => board.dims.includes(d)) : board.dims;
  return (
    <>
      <Overlay board={board} rows={rows} order={order} title={system.name} />
      {isStatic ? <p className="quiet">These are files without a server: differences with intervals are computed by one.</p> : (
        <Shown of={found} what="Comparing item by item">
          {(all) => (
            <>
              {all.imported && <p className="lead">A published table: it has no intervals and no answers, so these are bare differences, and whether they are more than chance is not known.</p>}
              <Pairs all={all} order={order} date={date} />
              <p className="downloads no-print">
                <span className="quiet">All pairs:</span>
                <Download href={address("/api/v1/boards/{system}/comparison.csv", params)} file={`comparison-${board.system}.csv`}>CSV</Download>
                <Download href={address("/api/v1/boards/{system}/comparison", params)} file={`comparison-${board.system}.json`}>JSON</Download>
                <button type="button" className="plain" onClick={() => window.print()}>Print or save as PDF</button>
              </p>
            </>
          )}
        </Shown>
      )}
      <Notices of={board.notices} />
    </>
  );
}

function Pairs({ all, order, date }: { all: Schemas["ComparisonDocument"]; order: readonly string[]; date: string }) {
  const pair = usePair(all.pairs);
  return (
    <>
      <Differences all={all} pair={pair} order={order} />
      <AllPairs all={all} order={order} />
      {!all.imported && <Separating system={all.system} pair={pair} date={date} />}
    </>
  );
}

function Overlay({ board, rows, order, title }: { board: Board; rows: readonly Schemas["BoardRow"][]; order: readonly string[]; title: string }) {
  const [view, setView] = useParam("view", "radar");
  const [failed, setFailed] = useState("");
  const picture = useRef<SVGSVGElement>(null);
  const series: Series[] = rows.map((r) => ({ name: r.respondent, simulated: r.simulated, estimates: order.map((d) => r.dimensions[d]!) }));
  // the axis is that of the whole board: it stays where it is when somebody is added
  const all = board.rows.flatMap((r) => Object.values(r.dimensions).flatMap((e) => (e.score === null ? [] : [e.score])));
  const [from, to] = board.scale.low !== null && board.scale.high !== null ? [board.scale.low, board.scale.high] : [Math.min(0, ...all), Math.max(...all)];
  const round = order.length >= 3 && order.length <= 24;
  const shown = round && view === "radar" ? "radar" : "dots";
  const label = `${title}: ${rows.map((r) => r.respondent).join(", ")}; the numbers are in the table below`;
  const note = `${title}, ${board.imported ? "published" : "measured"} ${board.date}`;
  return (
    <section aria-labelledby="overlay">
      <h2 id="overlay">Side by side</h2>
      <div className="controls no-print">
        {round && (
          <div className="tabs flat" role="group" aria-label="Kind of chart">
            <button type="button" aria-pressed={shown === "radar"} onClick={() => setView("radar")}>Radar</button>
            <button type="button" aria-pressed={shown === "dots"} onClick={() => setView("dots")}>{board.imported ? "Dots" : "Dots with intervals"}</button>
          </div>
        )}
        <button type="button" onClick={() => { setFailed(""); savePng(picture.current!, `comparison-${board.system}.png`).catch((e: Error) => setFailed(e.message)); }}>Save as PNG</button>
        {failed !== "" && <span className="quiet" role="alert">The picture could not be made: {failed}</span>}
      </div>
      <figure className="figure">
        {shown === "radar" ? <Radar name={label} axes={order} series={series} from={from} to={to} note={note} picture={picture} /> : <Dots name={label} axes={order} series={series} from={from} to={to} note={note} picture={picture} />}
        <figcaption>{board.imported ? "Scores as published, without intervals." : shown === "dots" || series.length <= 3 ? "With 95 % intervals." : "Intervals of more than three would hide each other: see dots, or the table."}</figcaption>
      </figure>
      <Scores board={board} rows={rows} order={order} decimals={to - from <= 2 ? 2 : 1} />
    </section>
  );
}

function Scores({ board, rows, order, decimals }: { board: Board; rows: readonly Schemas["BoardRow"][]; order: readonly string[]; decimals: number }) {
  return (
    <details className="twin">
      <summary>The same as a table</summary>
      <div className="scroll" tabIndex={0} role="region" aria-label="Scores side by side">
        <table>
          <caption className="unseen">Scores of {rows.length} respondents, measured {board.date}</caption>
          <thead><tr><th scope="col">Dimension</th>{rows.map((r) => <th key={r.respondent} scope="col" className="number name"><Person name={r.respondent} simulated={r.simulated} /></th>)}</tr></thead>
          <tbody>
            {order.map((d) => (
              <tr key={d}>
                <th scope="row">{d}</th>
                {rows.map((r) => { const e = r.dimensions[d]!; return <td key={r.respondent} className="number">{number(e.score, decimals)} <small className="quiet">{interval(e.low, e.high, decimals)}</small></td>; })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
