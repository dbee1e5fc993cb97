// Cases in an export: a sample that is listed and filtered in the browser.
import { useDocument } from "../../api";
import { count } from "../../parts/numbers";
import { Person } from "../../parts/person";
import { Shown } from "../../parts/states";
import type { SystemAbout } from "../../parts/systems";
import { change, href, place, useParam } from "../../state/url";
import { passing, type Line, type Sample } from "./sampled";

const PAGE = 50;
const ANEW = { from: null };

export function SampleList({ system }: { system: SystemAbout }) {
  const [date] = useParam("date");
  const chosen = system.measurements.find((m) => m.id === date || m.date === date) ?? system.measurements[0]!;
  const found = useDocument("/api/v1/samples/{measurement}", { measurement: chosen.id });
  return <Shown of={found} what="Loading the sample">{(sample) => <Listed sample={sample} />}</Shown>;
}

function Listed({ sample }: { sample: Sample }) {
  const [q] = useParam("q");
  const [respondent] = useParam("respondent");
  const [dimension] = useParam("dimension");
  const [outcome] = useParam("outcome");
  const [item] = useParam("item");
  const [from] = useParam("from");
  const { measurement } = sample;
  const all = sample.lines ?? [];
  const lines = passing(sample, { q, respondent, dimension, outcome, item });
  const start = Math.max(0, Number.parseInt(from, 10) || 0);
  const shown = lines.slice(start, start + PAGE);
  const turn = (to: number) => { change({ from: to <= 0 ? null : String(to) }); window.scrollTo(0, 0); };
  return (
    <>
      <section className="find" aria-label="Filter the sample">
        <p>These are files without a server: {count(all.length)} of {count(sample.of ?? 0)} cases are here. A server searches all of them, in their whole texts.</p>
        <details><summary>How they were drawn</summary><p className="quiet">{sample.rule}</p></details>
        <div className="controls" role="search" aria-label="Filter the sample">
          <label className="field"><span>Words in the beginnings</span><input type="search" maxLength={200} value={q} onChange={(e) => change({ q: e.target.value || null, ...ANEW }, true)} /></label>
          <Choice name="respondent" label="Respondent" values={measurement.respondents.map((r) => r.name)} />
          <Choice name="dimension" label="Expresses" values={measurement.dims} />
          <Choice name="outcome" label="Outcome" values={[...new Set(all.map((line) => line.outcome ?? "answer"))]} />
        </div>
      </section>
      <p role="status"><b>{count(lines.length)}</b> {lines.length === 1 ? "case" : "cases"} of the sample, judged by <bdi>{measurement.judge}</bdi>, {measurement.date}</p>
      {item !== "" && <p>Only answers to item <code>{item}</code>. <button type="button" className="plain" onClick={() => change({ item: null, ...ANEW })}>All items</button></p>}
      {shown.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label="Cases of the sample">
          <table className="sample">
            <thead><tr><th scope="col">Case</th><th scope="col">Respondent</th><th scope="col">Expresses</th><th scope="col">Outcome</th></tr></thead>
            <tbody>{shown.map((line) => <Row key={`${line.position} ${line.item} ${line.presentation ?? 0} ${line.repeat ?? 0}`} line={line} sample={sample} />)}</tbody>
          </table>
        </div>
      )}
      <nav className="controls" aria-label="Pages of cases">
        {start > 0 && <button type="button" onClick={() => turn(start - PAGE)}>Previous page</button>}
        {start + PAGE < lines.length && <button type="button" onClick={() => turn(start + PAGE)}>Next page</button>}
      </nav>
    </>
  );
}

function Row({ line, sample }: { line: Line; sample: Sample }) {
  const { measurement } = sample;
  const who = measurement.respondents[line.position]!;
  const to = place(`/cases/${measurement.id}/${line.position}/${line.item}/${line.presentation ?? 0}/${line.repeat ?? 0}`);
  return (
    <tr>
      <th scope="row"><a href={href(to)}><bdi>{line.asked}</bdi></a><small><bdi>{line.said ?? ""}</bdi></small></th>
      <td><Person name={who.name} simulated={who.simulated} /></td>
      <td><bdi>{(line.dims ?? []).map((d) => measurement.dims[d]).join(", ") || "–"}</bdi></td>
      <td>{line.outcome ?? "answer"}<small>{line.kind ?? "question"}</small></td>
    </tr>
  );
}

function Choice({ name, label, values }: { name: string; label: string; values: readonly string[] }) {
  const [value] = useParam(name);
  if (values.length < 2 && value === "") return null;
  return (
    <label className="field">
      <span>{label}</span>
      <select value={value} onChange={(e) => change({ [name]: e.target.value || null, ...ANEW })}>
        <option value="">all</option>
        {value !== "" && !values.includes(value) && <option value={value}>{value}</option>}
        {values.map((one) => <option key={one} value={one}>{one}</option>)}
      </select>
    </label>
  );
}
