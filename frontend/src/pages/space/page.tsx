// The value space: who orders values like whom, on one flat map that says how far it can be believed.
import { useDocument, type Schemas } from "../../api";
import { Notices } from "../../parts/notices";
import { number, percent } from "../../parts/numbers";
import { Person } from "../../parts/person";
import { Shown, Unmeasured } from "../../parts/states";
import { DatePicker, SystemTabs, useSystem, type SystemAbout } from "../../parts/systems";
import { change, useParam } from "../../state/url";
import { keyOf, Mark, SpaceMap } from "./map";
import "../../style/fit.css";

type Document = Schemas["SpaceDocument"];
type Point = Schemas["SpacePoint"];

export default function SpacePage() {
  const meta = useDocument("/api/v1/meta");
  return <Shown of={meta} what="Loading the map">{(found) => <Chosen systems={found.systems} />}</Shown>;
}

function Chosen({ systems }: { systems: readonly SystemAbout[] }) {
  const system = useSystem(systems);
  const [date] = useParam("date");
  const [cultures] = useParam("cultures");
  const space = useDocument("/api/v1/space/{system}", { system: system?.id, date, cultures: cultures === "off" ? false : null }, system !== undefined);
  if (system === undefined) return <Unmeasured page="Value space" then="Measure a model, and it has a place on this map:" />;
  return (
    <>
      <p className="eyebrow">Value space</p>
      <h1>Who orders values like whom</h1>
      <p className="lead">Near each other: values in a similar order. What is near in truth stands in the table; a flat map must bend some distances.</p>
      <SystemTabs systems={systems} chosen={system} />
      <div className="controls"><DatePicker system={system} /><Switch name="cultures" label="Cultures" /><Switch name="pointers" label="Where each value points" /></div>
      <Shown of={space} what="Drawing the map">{(found) => <Whole of={found} />}</Shown>
    </>
  );
}

function Switch({ name, label }: { name: string; label: string }) {
  const [value, set] = useParam(name);
  return <label className="field"><input type="checkbox" checked={value !== "off"} onChange={(event) => set(event.target.checked ? "" : "off")} /><span>{label}</span></label>;
}

function Whole({ of }: { of: Document }) {
  const [key] = useParam("at");
  const [pointers] = useParam("pointers");
  const at = of.points.find((p) => keyOf(p) === key);
  const look = (point: Point | null) => change({ at: point === null ? null : keyOf(point) }, true);
  const kinds = [["respondent", false, "respondent"], ["respondent", true, "simulated respondent"], ["culture", false, "culture"]] as const;
  return (
    <>
      <p className="quiet">
        {kinds.filter(([kind, simulated]) => of.points.some((p) => p.kind === kind && p.simulated === simulated)).map(([kind, simulated, said]) => (
          <span key={said}><svg className="mark" viewBox="-8 -8 16 16" aria-hidden="true"><Mark point={{ kind, simulated }} /></svg> {said}{"\u2003"}</span>
        ))}
      </p>
      <SpaceMap of={of} at={at} look={look} pointers={pointers !== "off"} />
      <p className="beside" aria-live="polite">
        {at === undefined
          ? <span className="quiet">Point at somebody, or go there with the Tab key, to see the nearest others. A respondent leads to its page. Names that would cover each other are left out.</span>
          : <><b><bdi>{at.name}</bdi></b>{at.simulated && <> <span className="badge">simulated</span></>}: nearest are {at.nearest.map((n, i) => <span key={i}>{i > 0 && ", "}<bdi>{n.name}</bdi> <span className="quiet">({number(n.rho, 2)})</span></span>)}.</>}
      </p>
      <p>
        Stress of the flat map{of.stress === null ? "" : ` ${number(of.stress, 2)}`}: {of.stress_means}.
        {pointers !== "off" && <span className="quiet"> Lines lead to where a value is put before others; a short one says that the map hardly shows that value.</span>}
      </p>
      <Table of={of} />
      <Notices of={of.notices} />
    </>
  );
}

function Table({ of }: { of: Document }) {
  return (
    <details className="twin">
      <summary>The same as a table</summary>
      <div className="scroll" tabIndex={0} role="region" aria-label="Places and nearest neighbours">
        <table>
          <thead><tr><th scope="col">Name</th><th scope="col">Is a</th><th scope="col">x</th><th scope="col">y</th><th scope="col">Nearest, with the correlation of the orders</th></tr></thead>
          <tbody>
            {of.points.map((p) => (
              <tr key={keyOf(p)}>
                <th scope="row"><Person name={p.name} simulated={p.simulated} link={p.kind === "respondent"} /></th>
                <td>{p.kind}</td><td className="number">{number(p.x, 2)}</td><td className="number">{number(p.y, 2)}</td>
                <td>{p.nearest.map((n, i) => <span key={i}>{i > 0 && ", "}<bdi>{n.name}</bdi> {number(n.rho, 2)}</span>)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <table>
          <thead><tr><th scope="col">Value</th><th scope="col">x</th><th scope="col">y</th><th scope="col">Of its differences the map shows</th></tr></thead>
          <tbody>{Object.entries(of.directions).map(([name, [x, y]]) => <tr key={name}><th scope="row">{name}</th><td className="number">{number(x, 2)}</td><td className="number">{number(y, 2)}</td><td>{percent(x! ** 2 + y! ** 2)}</td></tr>)}</tbody>
        </table>
      </div>
    </details>
  );
}
