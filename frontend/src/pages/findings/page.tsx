// Findings: sentences that the data hold now, each with its numbers and the query that shows it.
import { isStatic, useDocument, type Schemas } from "../../api";
import { Download } from "../../parts/download";
import { Notices } from "../../parts/notices";
import { count } from "../../parts/numbers";
import { Shown, Unmeasured } from "../../parts/states";
import { DatePicker, SystemTabs, useSystem, type SystemAbout } from "../../parts/systems";
import { href, useParam } from "../../state/url";
import "../../style/items.css";

type Found = Schemas["Findings"];
type Finding = Schemas["Finding"];

const HEADINGS: Record<Finding["kind"], string> = {
  "highest and lowest": "Who is highest, who is lowest",
  "largest differences": "Largest sure differences",
  "open and closed": "Open and closed weights",
  drift: "What moved between dates",
  "stated and shown": "Stated against shown",
  "order of values": "An order that people share",
  refusals: "Who declines to answer",
  "one dimension": "Dimensions that are one here",
  "not told apart": "Where nobody is told apart",
  judge: "The judge behind it",
};

export default function FindingsPage() {
  const meta = useDocument("/api/v1/meta");
  return <Shown of={meta} what="Loading">{(found) => <Chosen systems={found.systems} />}</Shown>;
}

function Chosen({ systems }: { systems: readonly SystemAbout[] }) {
  const system = useSystem(systems);
  const [date] = useParam("date");
  const found = useDocument("/api/v1/findings/{system}", { system: system?.id, date }, system !== undefined);
  if (system === undefined) return <Unmeasured page="Findings" then="Measure two models or more, and what holds of them stands here in sentences:" />;
  return (
    <>
      <p className="eyebrow">Findings</p>
      <h1>What the data hold</h1>
      <p className="lead">Each sentence is made from the newest data and stands only while they support it, after everything that was looked at has been counted.</p>
      <SystemTabs systems={systems} chosen={system} />
      <div className="controls"><DatePicker system={system} /></div>
      <Shown of={found} what="Looking at all pairs and dimensions; a large board takes a minute">{(data) => <Whole of={data.found} />}</Shown>
    </>
  );
}

function Whole({ of }: { of: Found }) {
  const kinds = (Object.keys(HEADINGS) as Finding["kind"][]).filter((kind) => of.findings.some((f) => f.kind === kind));
  const mixed = of.controls.some((c) => c.simulated);
  return (
    <>
      {kinds.length === 0 && <p className="none">No sentence holds on these data.</p>}
      {kinds.map((kind, at) => (
        <section key={kind} aria-labelledby={`kind-${at}`}>
          <h2 id={`kind-${at}`}>{HEADINGS[kind]}</h2>
          <Several of={of.findings.filter((f) => f.kind === kind)} />
        </section>
      ))}
      <section aria-labelledby="looked">
        <h2 id="looked">What was looked at</h2>
        {of.controls.length > 0 && (
          <div className="scroll" tabIndex={0} role="region" aria-label="What was looked at"><table>
            <thead><tr><th scope="col">Kind</th><th scope="col" className="number">Tested</th><th scope="col" className="number">Held</th><th scope="col">How chance was kept out</th></tr></thead>
            <tbody>{of.controls.map((c, at) => <tr key={at}><th scope="row">{HEADINGS[c.kind]}{mixed && c.simulated !== null && <> <span className="badge">{c.simulated ? "simulated" : "real"}</span></>}</th><td className="number">{count(c.tested)}</td><td className="number">{count(c.held)}</td><td>{c.how}</td></tr>)}</tbody>
          </table></div>
        )}
        <p className="quiet">Kinds are controlled one by one. Limits are 95 % and hold for each sentence alone.</p>
      </section>
      {of.notes.length > 0 && <Notices of={of.notes} title="What could not be told" />}
      <Notices of={of.notices} />
    </>
  );
}

const MOST = 5;

function Several({ of }: { of: readonly Finding[] }) {
  const rest = of.slice(MOST);
  return (
    <>
      <ul className="findings">{of.slice(0, MOST).map((f) => <One key={f.sentence} of={f} />)}</ul>
      {rest.length > 0 && <details className="more"><summary>{`${count(rest.length)} more`}</summary><ul className="findings">{rest.map((f) => <One key={f.sentence} of={f} />)}</ul></details>}
    </>
  );
}

function One({ of }: { of: Finding }) {
  const parts = [
    of.n === null ? null : `n ${count(of.n)} ${of.counted}`,
    of.q === null ? null : of.q < 0.001 ? "q < 0.001" : `q ${of.q.toFixed(3)}`,
  ].filter((x) => x !== null);
  return (
    <li>
      <p><bdi>{of.sentence}</bdi> {of.simulated && <span className="badge">simulated</span>}</p>
      <p className="quiet">{parts.join(" · ")}{parts.length > 0 && " · "}<a href={href(of.page)}>see it</a>{!isStatic && <> · <Download href={of.api.replace(/^\//, "")} file="finding.json">data</Download></>}</p>
    </li>
  );
}
