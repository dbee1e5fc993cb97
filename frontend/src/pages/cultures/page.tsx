// Cultures: whose order of values is like that of people somewhere, and whether that is more than chance.
import { keepPreviousData, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { isStatic, send, useDocument, type ApiError, type Schemas } from "../../api";
import { Notices } from "../../parts/notices";
import { count, interval, number, percent } from "../../parts/numbers";
import { Person } from "../../parts/person";
import { RangeBar } from "../../parts/range";
import { Shown, Unmeasured } from "../../parts/states";
import { DatePicker, SystemTabs, useSystem, type SystemAbout } from "../../parts/systems";
import { useParam } from "../../state/url";
import { CurvePlot, inWords } from "./curve";
import { Heat } from "./heat";
import { WorldMap } from "./map";
import { useOwn } from "./own";
import { Upload } from "./upload";
import "../../style/fit.css";

type Document = Schemas["CulturesDocument"];
type Curve = Schemas["CurveDocument"];

export default function CulturesPage() {
  const meta = useDocument("/api/v1/meta");
  return <Shown of={meta} what="Loading cultures">{(found) => <Chosen systems={found.systems} />}</Shown>;
}

function Chosen({ systems }: { systems: readonly SystemAbout[] }) {
  const system = useSystem(systems);
  if (system === undefined) return <Unmeasured page="Cultures" then="Measure a model, and its order of values stands here beside those of cultures:" />;
  return (
    <>
      <p className="eyebrow">Cultures</p>
      <h1>Whose values are like those of people somewhere</h1>
      <p className="lead">Each respondent’s order of values beside that of cultures. Near is not the same as a fit: an order drawn by lot is near to some culture, too.</p>
      <SystemTabs systems={systems} chosen={system} />
      <Compared key={system.id} system={system} />
      {!isStatic && <Upload key={`${system.id} upload`} dims={system.dimensions.map((d) => d.name)} />}
    </>
  );
}

function Compared({ system }: { system: SystemAbout }) {
  const [date] = useParam("date");
  const [method, setMethod] = useParam("method", "spearman");
  const [wanted, setTreatment] = useParam("treatment", "as-is");
  const treatment = isStatic ? "as-is" : wanted; // an export holds no others
  const [respondent] = useParam("respondent");
  const [profiles, setProfiles] = useParam("profiles");
  const own = useOwn();
  const mine = profiles === "own" && own !== null;
  const shipped = useDocument("/api/v1/cultures/{system}", { system: system.id, date, method: method === "spearman" ? null : method, treatment: treatment === "as-is" ? null : treatment }, !mine);
  const body = { system: system.id, date: date || null, method, treatment, respondent: respondent || null, ...own };
  const sent = useQuery<Schemas["Compared"], ApiError>({
    queryKey: ["cultures/compare", body],
    queryFn: () => send("POST", "/api/v1/cultures/compare", {}, body),
    enabled: mine,
    placeholderData: keepPreviousData,
  });
  const report = (mine ? { ...sent, data: sent.data?.report } : shipped) as UseQueryResult<Document, ApiError>;
  const names = system.dimensions.map((d) => d.name);
  return (
    <>
      <div className="controls">
        <DatePicker system={system} />
        <Select label="Correlation" value={method} set={setMethod} options={["spearman", "kendall", "pearson"].map((m) => [m, m])} />
        {!isStatic && <Select label="Values" value={treatment} set={setTreatment} options={(report.data?.treatments ?? ["as-is", ...names.map((n) => `without:${n}`), ...names.map((n) => `last:${n}`)]).map((t) => [t, inWords(t)])} />}
        {own !== null && !isStatic && <Select label="Cultures" value={profiles} set={setProfiles} options={[["", "demonstration set"], ["own", own.name]]} />}
      </div>
      {profiles === "own" && own === null && <p className="quiet" role="status">The link names profiles of somebody’s own, which no link holds. Here is the demonstration set; give your own below.</p>}
      <Shown of={report} what="Comparing">{(found) => <Whole of={found} date={date} curve={mine ? (sent.data?.curve ?? null) : undefined} />}</Shown>
    </>
  );
}

function Select({ label, value, set, options }: { label: string; value: string; set: (value: string) => void; options: readonly (readonly string[])[] }) {
  return (
    <label className="field"><span>{label}</span>
      <select value={value} onChange={(event) => set(event.target.value)}>{options.map(([key, text]) => <option key={key} value={key}>{text}</option>)}</select>
    </label>
  );
}

/** curve: of profiles that were sent; undefined: it is asked for. */
function Whole({ of, date, curve }: { of: Document; date: string; curve: Curve | null | undefined }) {
  const [asked, choose] = useParam("respondent");
  const row = of.rows.find((r) => r.respondent === asked) ?? of.rows.find((r) => !r.simulated) ?? of.rows[0]!;
  return (
    <>
      <Heat of={of} chosen={row.respondent} />
      <section aria-labelledby="one">
        <h2 id="one">One respondent</h2>
        <div className="controls">
          <Select label="Respondent" value={row.respondent} set={choose} options={of.rows.map((r) => [r.respondent, r.respondent + (r.simulated ? " (simulated)" : "")])} />
          <Person name={row.respondent} simulated={row.simulated} />
        </div>
        <One of={of} row={row} />
      </section>
      <section aria-labelledby="curve">
        <h2 id="curve">What the choices make of it</h2>
        {curve === undefined
          ? <Asked of={of} row={row} date={date} />
          : curve === null ? <p className="none">With one culture there is nothing to choose between.</p> : <Curved of={curve} row={row} />}
      </section>
      {of.pairs !== null && of.pairs !== undefined && <Pairs of={of.pairs} />}
      <Notices of={of.notices} />
    </>
  );
}

function Asked({ of, row, date }: { of: Document; row: Schemas["CultureRow"]; date: string }) {
  const curve = useDocument("/api/v1/cultures/{system}/curve", { system: of.system, respondent: row.respondent, date }, !isStatic);
  if (isStatic) return <p className="quiet">These are files without a server: trying all choices needs one.</p>;
  return <Shown of={curve} what="Trying all choices">{(found) => <Curved of={found} row={row} />}</Shown>;
}

function Curved({ of, row }: { of: Curve; row: Schemas["CultureRow"] }) {
  const [asked, set] = useParam("culture");
  const culture = of.cultures.includes(asked) ? asked : row.nearest[0];
  if (culture === undefined) return <p className="none">Nothing can be compared here.</p>;
  return (
    <>
      <div className="controls"><Select label="Culture" value={culture} set={set} options={of.cultures.map((c) => [c, c])} /></div>
      <CurvePlot of={of} culture={culture} />
    </>
  );
}

function One({ of, row }: { of: Document; row: Schemas["CultureRow"] }) {
  const cells = row.cells.map((cell, at) => ({ ...cell, culture: of.profiles.cultures[at]! })).sort((a, b) => (b.value ?? -9) - (a.value ?? -9));
  const best = cells[0]!;
  const limits = interval(best.low, best.high, 2);
  const coloured = cells.flatMap((c) => {
    const country = of.countries[c.culture];
    return country === undefined ? [] : [{ country, culture: c.culture, value: c.value, nearest: row.fits !== false && row.nearest.includes(c.culture) }];
  });
  const elsewhere = cells.filter((c) => of.countries[c.culture] === undefined);
  return (
    <>
      <p className="verdict">
        {row.nearest.length === 0 ? "Nothing can be compared: scores are missing or all equal."
          : row.fits === false ? <><b>No culture fits.</b> The same values in random order come as near to one of these cultures in {percent(row.p ?? 0)} of cases. Highest is <bdi>{row.nearest.join(", ")}</bdi> with {number(best.value, 2)}.</>
          : <>Nearest: <b><bdi>{row.nearest.join(", ")}</bdi></b>, {number(best.value, 2)}{limits !== "" && ` (${limits})`}. {row.fits === null ? "Whether that is more than chance cannot be tested here." : `Values in random order come as near in ${percent(row.p ?? 0, 1)} of cases.`}</>}
      </p>
      <div className={coloured.length > 0 ? "mapped" : undefined}>
      <div>
      <WorldMap title={`Similarity of ${row.respondent} to cultures that are countries`} of={coloured} />
      {coloured.length > 0 && <p className="key" aria-hidden="true"><span className="ramp" /> −1 reverse order · 0 · 1 same order. Grey: no profile.</p>}
      {elsewhere.length > 0 && <p className="quiet">Not on the map, because they do not go by a country’s name: <bdi>{elsewhere.map((c) => c.culture).join(", ")}</bdi>.</p>}
      </div>
      <div className="scroll" tabIndex={0} role="region" aria-label="Cultures by similarity">
        <table className="cultures">
          <thead><tr><th scope="col">Culture</th><th scope="col">Similarity, 95 %</th></tr></thead>
          <tbody>
            {cells.map((c) => (
              <tr key={c.culture}>
                <th scope="row"><bdi>{c.culture}</bdi></th>
                <td>{c.value !== null && <span><b>{number(c.value, 2)}</b> <small>{interval(c.low, c.high, 2)}</small></span>}<RangeBar score={c.value} low={c.low} high={c.high} from={-1} to={1} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      </div>
    </>
  );
}

function Pairs({ of }: { of: Schemas["PairClaims"] }) {
  return (
    <section aria-labelledby="pairs">
      <h2 id="pairs">Which culture is nearer on average</h2>
      <p className="quiet">Of {count(of.of)} claims about pairs of cultures {count(of.supported)} are supported. The weakest:</p>
      <div className="scroll" tabIndex={0} role="region" aria-label="Claims about pairs of cultures">
        <table className="pairs">
          <thead><tr><th scope="col">Claim</th><th scope="col">Choices that agree</th><th scope="col">Supported</th><th scope="col">Hangs on</th></tr></thead>
          <tbody>{of.weakest.map((one) => <tr key={one.claim}><td><bdi>{one.claim}</bdi></td><td>{percent(one.share)} of {one.of}</td><td>{one.supported ? "yes" : "no"}</td><td>{one.hangs_on.join(", ")}</td></tr>)}</tbody>
        </table>
      </div>
    </section>
  );
}
