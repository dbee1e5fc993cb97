// One respondent: what its texts express, how sure that is, and how each number was made.
import { useDocument, type Schemas } from "../../api";
import { Notices } from "../../parts/notices";
import { count, interval, number, ranks } from "../../parts/numbers";
import { Radar } from "../../parts/radar";
import { RangeBar } from "../../parts/range";
import { Failure, Shown } from "../../parts/states";
import { DatePicker, SystemTabs, useSystem, type SystemAbout } from "../../parts/systems";
import { href, place, useParam, usePath } from "../../state/url";
import { Behind } from "./behind";
import { Dimensions } from "./dimensions";
import { Drift } from "./drift";
import { Manifest } from "./manifest";
import "../../style/people.css";

type Profile = Schemas["ProfileDocument"];

/** The name in the address; it may hold anything, so it is taken from there and not from a route. */
function useName(): string | null {
  const [path] = usePath();
  try {
    return decodeURIComponent(path.slice("/respondents/".length));
  } catch {
    return null;
  }
}

export default function RespondentPage() {
  const name = useName();
  const meta = useDocument("/api/v1/meta");
  const all = useDocument("/api/v1/respondents");
  if (name === null) return <Failure title="There is no such respondent" message="The address is not complete." />;
  return (
    <Shown of={meta} what="Loading the respondent">
      {(found) => {
        const own = all.data?.respondents.find((r) => r.name === name)?.systems.map((s) => s.system);
        // where it has never been measured it has no page
        return <Chosen name={name} systems={own === undefined ? found.systems : found.systems.filter((s) => own.includes(s.id))} />;
      }}
    </Shown>
  );
}

function Chosen({ name, systems }: { name: string; systems: readonly SystemAbout[] }) {
  const system = useSystem(systems);
  const [date] = useParam("date");
  const profile = useDocument("/api/v1/boards/{system}/respondent", { system: system?.id, name, date }, system !== undefined);
  return (
    <>
      <p className="eyebrow"><a href={href("/respondents")}>Respondents</a></p>
      <h1 className="who"><bdi>{name}</bdi>{profile.data?.simulated === true && <> <span className="badge">simulated</span></>}</h1>
      {system === undefined ? <Failure title="Nothing is measured here yet" message="No value system has scores." /> : (
        <>
          {systems.length > 1 && <SystemTabs systems={systems} chosen={system} />}
          <div className="controls">
            {systems.length === 1 && <p className="field"><span>On</span> {system.name}</p>}
            <DatePicker system={system} />
            <a className="button" href={href(place("/compare", { system: system.id, date, with: [name] }))}>Compare with others</a>
          </div>
          <Shown of={profile} what="Loading scores">{(found) => <Whole profile={found} system={system} date={date} />}</Shown>
        </>
      )}
    </>
  );
}

function Whole({ profile, system, date }: { profile: Profile; system: SystemAbout; date: string }) {
  const [dim] = useParam("dim");
  const { low, high } = profile.axis;
  const measured = profile.dims.filter((d) => d.score !== null).length;
  const series = [{ name: profile.respondent, simulated: profile.simulated, estimates: profile.dims }];
  return (
    <>
      <Place profile={profile} date={date} />
      <div className="two">
        {profile.dims.length >= 3 && profile.dims.length <= 24 && measured > 0 && (
          <figure className="figure">
            <Radar name={`Profile of ${profile.respondent} on ${system.name}; its numbers are in the table of dimensions`} axes={profile.dims.map((d) => d.name)} series={series} from={low ?? 0} to={high ?? 100} />
            <figcaption>{profile.imported ? "Scores as published, without intervals." : "Scores on the whole axis; the band is the 95 % interval."} The table below has the numbers.</figcaption>
          </figure>
        )}
        <Facts profile={profile} />
      </div>
      <Dimensions profile={profile} system={system} />
      {dim !== "" && <Behind key={dim} profile={profile} dimension={dim} date={date} />}
      <TradeOffs profile={profile} />
      <Drift system={system} name={profile.respondent} />
      <Notices of={[...profile.notes.map((n) => `${profile.respondent}: ${n}.`.replace("..", ".")), ...profile.notices]} title="Read beside the numbers" />
      <Manifest id={profile.measurement} />
    </>
  );
}

/** Its place under equal weights: the board has it computed already. */
function Place({ profile, date }: { profile: Profile; date: string }) {
  const board = useDocument("/api/v1/boards/{system}", { system: profile.system, date });
  const row = board.data?.rows.find((r) => r.respondent === profile.respondent);
  if (board.data === undefined || row === undefined || row.rank === null) return null;
  const ends = interval(row.low, row.high, 1);
  return (
    <p className="lead">
      Rank {ranks(row.rank, row.rank_low, row.rank_high)} of {count(board.data.rows.length)} on <a href={href(place("/", { system: profile.system, date }))}>the board</a> under equal weights, mean {number(row.score, (board.data.scale.high ?? 0) > 2 ? 1 : 2)}{ends !== "" && ` (${ends})`}.
    </p>
  );
}

function Facts({ profile }: { profile: Profile }) {
  const { cost, gate } = profile;
  return (
    <dl className="facts">
      {profile.facts.map((f) => <div key={f.name}><dt>{f.name}</dt><dd><bdi>{f.value}</bdi></dd></div>)}
      <div><dt>{profile.imported ? "published" : "measured"}</dt><dd>{profile.date}{profile.observational && ", from texts as they were found"}</dd></div>
      {gate !== null && <div><dt>is the judge good enough</dt><dd><b className={`gate ${gate.status}`}>{gate.status}</b> <span className="quiet">{gate.reason}</span></dd></div>}
      {cost !== null && <div><dt>its answers took</dt><dd>{spent(cost)}</dd></div>}
    </dl>
  );
}

function spent(cost: Schemas["Cost"]): string {
  const price = cost.usd === null ? "no price known" : `${cost.usd.toFixed(cost.usd < 1 ? 4 : 2)} USD${cost.unpriced > 0 ? ` (${count(cost.unpriced)} without a price)` : ""}`;
  return `${count(cost.responses)} responses, ${count(cost.input_tokens)} tokens in, ${count(cost.output_tokens)} out, ${price}`;
}

/** What it chooses where two dimensions stand against each other: the scale that compares them. */
function TradeOffs({ profile }: { profile: Profile }) {
  const scale = profile.dims.flatMap((d) => d.details.filter((x) => x.key === "within" && x.score !== null).map((x) => ({ ...x, name: d.name })));
  if (scale.length < 2) return null;
  scale.sort((a, b) => b.score! - a.score!);
  return (
    <section aria-labelledby="tradeoffs">
      <h2 id="tradeoffs">What it puts first</h2>
      <p className="lead">From choices between two dimensions. This scale compares dimensions within this respondent, and never respondents.</p>
      <div className="scroll" tabIndex={0} role="region" aria-label="Trade-off scale">
        <table className="bars">
          <thead><tr><th scope="col">Dimension</th><th scope="col" className="wide-bar">0 to 100</th><th scope="col" className="number">Trade-off scale</th><th scope="col" className="number">n</th></tr></thead>
          <tbody>
            {scale.map((x) => (
              <tr key={x.name}><th scope="row">{x.name}</th><td><RangeBar score={x.score} low={x.low} high={x.high} series={2} /></td><td className="number"><b>{number(x.score)}</b> <small className="quiet">{interval(x.low, x.high)}</small></td><td className="number">{x.n ?? "–"}</td></tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
