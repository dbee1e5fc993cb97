// Methods: how numbers are made, how good the judges are, and what no number says.
import { useDocument, type Schemas } from "../../api";
import { count, interval, number } from "../../parts/numbers";
import { Shown } from "../../parts/states";
import { change, useParam } from "../../state/url";
import "../../style/items.css";

type Methods = Schemas["Methods"];
const PARTS = [["", "Numbers"], ["judges", "Judges"], ["systems", "Value systems"], ["references", "References"]] as const;

export default function MethodsPage() {
  const found = useDocument("/api/v1/methods");
  const [part] = useParam("part");
  return (
    <>
      <p className="eyebrow">Methods</p>
      <h1>How these numbers are made</h1>
      <p className="lead">Read off the code that makes them: what each number covers, where it comes from, and how far the judges can be trusted.</p>
      <div className="tabs parts" role="group" aria-label="Part">{PARTS.map(([key, name]) => <button key={key} type="button" aria-pressed={part === key} onClick={() => change({ part: key || null })}>{name}</button>)}</div>
      <Shown of={found} what="Loading">{({ methods }) => part === "judges" ? <Judges of={methods} /> : part === "systems" ? <Systems of={methods} /> : part === "references" ? <References of={methods} /> : <Numbers of={methods} />}</Shown>
    </>
  );
}

function Numbers({ of }: { of: Methods }) {
  return (
    <>
      <section aria-labelledby="limits"><h2 id="limits">What no number here says</h2><ul className="plain-list">{of.limits.map((one) => <li key={one}>{one}</li>)}</ul></section>
      <section aria-labelledby="formulas">
        <h2 id="formulas">Formulas</h2>
        <div className="methods">{of.methods.map((m) => (
          <article key={m.title}>
            <h3>{m.title}</h3>
            <p className="quiet">Shown under: {m.shown}</p>
            {m.formula !== "" && <p className="formula" role="math">{m.formula}</p>}
            <p>{m.summary}</p>
            {m.source !== "" && <p className="quiet">Source: {m.source}</p>}
            <p className="quiet"><code>{m.function}</code></p>
          </article>
        ))}</div>
      </section>
    </>
  );
}

function Judges({ of }: { of: Methods }) {
  return (
    <>
      <section aria-labelledby="card">
        <h2 id="card">The local judge, on labels that trained nothing of it</h2>
        <p className="quiet">AUC: the chance that an answer labelled 1 gets a higher verdict than one labelled 0; .5 is guessing. The margin is over the nearest shortcut that needs no judge. It has to be surely above 0.</p>
        <div className="scroll" tabIndex={0} role="region" aria-label="The local judge"><table>
          <thead><tr><th scope="col">Value system</th><th scope="col" className="number">Labels</th><th scope="col" className="number">AUC</th><th scope="col" className="number">Margin</th><th scope="col">Nearest shortcut</th><th scope="col">May be relied on</th></tr></thead>
          <tbody>{of.card.map((c) => (
            <tr key={c.system}><th scope="row">{c.name}</th><td className="number">{count(c.n)}</td><td className="number">{c.auc === null ? "–" : `${c.auc.toFixed(2)} (${interval(c.low, c.high, 2)})`}</td><td className="number">{c.margin === null ? "–" : `${number(c.margin, 2)} (${interval(c.margin_low, c.margin_high, 2)})`}</td><td>{c.shortcut ?? "–"}</td><td>{c.useful === null ? c.note ?? "not known" : c.useful ? "yes" : "no: demonstration"}</td></tr>
          ))}</tbody>
        </table></div>
      </section>
      <section aria-labelledby="used">
        <h2 id="used">Judges of the measurements here</h2>
        {of.judges.length === 0 ? <p className="none">Nothing was judged here.</p> : (
          <div className="scroll" tabIndex={0} role="region" aria-label="Judges of the measurements"><table>
            <thead><tr><th scope="col">Measurement</th><th scope="col">System</th><th scope="col">Judge</th><th scope="col">Gate</th><th scope="col">Why</th></tr></thead>
            <tbody>{of.judges.map((j) => <tr key={j.measurement}><th scope="row">{j.date} <code>{j.measurement}</code></th><td>{j.system}</td><td><bdi>{j.judge}</bdi>{j.calibrated && <small>calibrated on labels</small>}</td><td>{j.status}</td><td><bdi>{j.reason}</bdi></td></tr>)}</tbody>
          </table></div>
        )}
      </section>
    </>
  );
}

function Systems({ of }: { of: Methods }) {
  return (
    <>
      {of.systems.map((s) => (
        <section key={s.id} aria-labelledby={`system-${s.id}`}>
          <h2 id={`system-${s.id}`}><bdi>{s.name}</bdi></h2>
          <p><bdi>{s.summary}</bdi></p>
          <p className="quiet">Scored as {s.scoring}. <bdi>{s.source}</bdi></p>
          <dl className="facts">{s.dimensions.map((d) => <div key={d.name}><dt><bdi>{d.name}</bdi></dt><dd><bdi>{d.definition}</bdi></dd></div>)}</dl>
        </section>
      ))}
    </>
  );
}

function References({ of }: { of: Methods }) {
  return <section aria-labelledby="references"><h2 id="references">Works that the statistics rest on</h2><ul className="plain-list">{of.references.map((one) => <li key={one}>{one}</li>)}</ul></section>;
}
