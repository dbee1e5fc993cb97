// The board: who shows which values how strongly, under weights that anybody may change.
import { useMemo } from "react";
import { isStatic, useDocument, address, type Schemas } from "../../api";
import { Download } from "../../parts/download";
import { Notices } from "../../parts/notices";
import { count, percent } from "../../parts/numbers";
import { Failure, Shown, Unmeasured } from "../../parts/states";
import { DatePicker, SystemTabs, useSystem, type SystemAbout } from "../../parts/systems";
import { unpacked, weigh, type Drawn, type Ranked } from "../../state/ranks";
import { useParam } from "../../state/url";
import { Filters, useFilters } from "./filters";
import { BoardTable } from "./table";
import { WeightPanel } from "./panel";
import { weightsOf } from "./weights";
import "../../style/board.css";

type Board = Schemas["BoardDocument"];

export default function BoardPage() {
  const meta = useDocument("/api/v1/meta");
  return <Shown of={meta} what="Loading the board">{(found) => <Chosen systems={found.systems} />}</Shown>;
}

function Chosen({ systems }: { systems: readonly SystemAbout[] }) {
  const system = useSystem(systems);
  const [date] = useParam("date");
  const board = useDocument("/api/v1/boards/{system}", { system: system?.id, date }, system !== undefined);
  if (system === undefined) {
    return <Unmeasured page="Board" then="Measure a model, and its values stand here:" />;
  }
  return (
    <>
      <p className="eyebrow">Board</p>
      <h1>{system.name}</h1>
      <p className="lead">{system.summary}</p>
      <SystemTabs systems={systems} chosen={system} />
      <div className="controls"><DatePicker system={system} /></div>
      <Shown of={board} what="Loading scores">{(found) => <Whole key={`${found.system}${found.measurements[0]}`} board={found} system={system} date={date} />}</Shown>
    </>
  );
}

function Whole({ board, system, date }: { board: Board; system: SystemAbout; date: string }) {
  const [text] = useParam("weights");
  const equal = text === "";
  // what equal weights give comes with the board; draws are needed once somebody weighs otherwise
  const draws = useDocument("/api/v1/boards/{system}/draws", { system: board.system, date }, !equal && board.has_draws);
  const weights = useMemo(() => weightsOf(text, board), [text, board]);
  const ranked = useRanked(board, weights, equal, draws.data);
  const filters = useFilters(board);
  const rows = board.rows.map((row, at) => ({ row, ranked: ranked[at]! })).filter(({ row }) => filters.keep(row));
  const preset = board.presets.find((p) => p.name === text);
  return (
    <>
      <WeightPanel board={board} system={system} text={text} />
      <Filters board={board} filters={filters} />
      {draws.error !== null && <Failure message={draws.error.message} />}
      {!equal && board.has_draws && draws.data === undefined && draws.error === null && <p className="quiet" role="status">Weighing …</p>}
      <p className="quiet" aria-live="polite">
        {count(rows.length)} of {count(board.rows.length)} respondents. {board.has_draws ? "Ranks are sets that hold for all together with 95 %: 2 (1–4) is a tie." : "No interval was published: ranks are those of the bare numbers."}
        {equal && board.stability !== null && <Stability of={board.stability} />}
      </p>
      <BoardTable board={board} system={system} rows={rows} weights={weights} />
      <Downloads board={board} date={date} />
      <Notices of={[...board.notices, ...(preset?.notices ?? [])]} />
    </>
  );
}

function useRanked(board: Board, weights: number[], equal: boolean, document: Schemas["Draws"] | undefined): Ranked[] {
  const drawn = useMemo(() => (document === undefined ? null : inOrder(unpacked(document), board)), [document, board]);
  return useMemo(() => {
    if (equal) {
      return board.rows.map((r) => ({ score: r.score, low: r.low, high: r.high, rank: r.rank, rankLow: r.rank_low, rankHigh: r.rank_high }));
    }
    const scores = board.rows.map((r) => board.dims.map((name) => r.dimensions[name]!.score));
    return weigh(scores, weights, drawn);
  }, [board, weights, equal, drawn]);
}

/** Bring draws into the order of the board's rows: these stand best first. */
function inOrder(drawn: Drawn, board: Board): Drawn {
  const [R, D] = [drawn.respondents.length, drawn.dims.length];
  const from = board.rows.map((row) => drawn.respondents.indexOf(row.respondent));
  const values = new Float32Array(drawn.values.length);
  for (let b = 0; b < drawn.count; b++) {
    from.forEach((old, now) => values.set(drawn.values.subarray((b * R + old) * D, (b * R + old + 1) * D), (b * R + now) * D));
  }
  return { ...drawn, respondents: board.rows.map((r) => r.respondent), values, items: from.map((old) => drawn.items[old]!) };
}

function Stability({ of }: { of: Schemas["Stability"] }) {
  return <> Of {count(of.weights)} other weights, {percent(of.same_first)} keep the first place, {percent(of.same_order)} the whole order.</>;
}

function Downloads({ board, date }: { board: Board; date: string }) {
  const at = (kind: string) => address(`/api/v1/boards/${board.system}/scores.${kind}`, { date });
  const name = `${board.system}-${board.date}`;
  return (
    <p className="downloads">
      <span className="quiet">All scores:</span>
      <Download href={at("csv")} file={`${name}.csv`}>CSV</Download>
      <Download href={address("/api/v1/boards/{system}", { system: board.system, date })} file={`${name}.json`}>JSON</Download>
      <Download href={at("parquet")} file={`${name}.parquet`}>Parquet</Download>
      {!isStatic && <span className="quiet">measurement {board.measurements.join(", ")}</span>}
    </p>
  );
}
