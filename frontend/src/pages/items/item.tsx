// One item: its text, where it comes from, and where respondents differ on it.
import { useParams } from "wouter";
import { isStatic, useDocument, type Schemas } from "../../api";
import { number } from "../../parts/numbers";
import { Person } from "../../parts/person";
import { RangeBar } from "../../parts/range";
import { Failure, Shown } from "../../parts/states";
import type { SystemAbout } from "../../parts/systems";
import { href, place } from "../../state/url";
import { Status } from "./list";
import "../../style/items.css";

type Whole = Schemas["WholeItem"];

export default function ItemPage() {
  const { id } = useParams<{ id: string }>();
  const found = useDocument("/api/v1/items/{item}", { item: id });
  if (isStatic && found.error !== null) return <Outside />;
  return <Shown of={found} what="Loading the item">{(data) => <Item of={data.item} why={data.why} />}</Shown>;
}

/** An item that has no page in an export: say which have one, and where the others stand. */
function Outside() {
  const systems = useDocument("/api/v1/meta").data?.systems ?? [];
  return (
    <Failure title="This export has no page of this item" message="These are files without a server: they hold every item in a list, and pages of a sample of them.">
      <ul>{systems.map((system) => <Rule key={system.id} system={system} />)}</ul>
    </Failure>
  );
}

function Rule({ system }: { system: SystemAbout }) {
  const bank = useDocument("/api/v1/banks/{system}", { system: system.id }).data;
  return bank === undefined ? null : <li><a href={href(place("/items", { system: system.id }))}><bdi>{system.name}</bdi></a>: {bank.rule}</li>;
}

function Item({ of, why }: { of: Whole; why: string | null }) {
  const { item } = of;
  return (
    <>
      <p className="eyebrow"><a href={href(place("/items", { system: item.system }))}>Items</a> · {item.kind} · <code>{of.id}</code></p>
      <h1 className="item-text"><bdi>{item.text}</bdi></h1>
      {item.sides !== null && item.sides !== undefined && (
        <ol className="sides">{item.sides.map((side) => <li key={side.dimension}><b><bdi>{side.dimension}</bdi></b><bdi>{side.text}</bdi></li>)}</ol>
      )}
      {(item.turns ?? []).length > 0 && <ol className="sides">{item.turns!.map((turn, at) => <li key={at}><b>{turn.when ?? "always"}</b><bdi>{turn.text}</bdi></li>)}</ol>}
      <Facts of={of} why={why} />
      <Disagreement of={of} />
      <section aria-labelledby="lineage"><h2 id="lineage">Lineage</h2><ul className="tree"><Branch node={of.tree} /></ul></section>
      <History of={of} />
    </>
  );
}

function Facts({ of, why }: { of: Whole; why: string | null }) {
  const { item, parameters: p } = of;
  const rows: [string, React.ReactNode][] = [
    ["Status", <Status key="s" status={of.status} retired={of.log.at(-1)?.reason === "restored" ? null : of.log.at(-1)} />],
    ["Dimensions, the main one first", <bdi key="d">{item.dimensions.join(", ")}</bdi>],
    ["Topic", item.topic], ["Language", item.language], ["Principle", item.principle],
    ["Scale", item.scale === null || item.scale === undefined ? null : `${item.scale[0]} to ${item.scale[1]}, ${item.keying === 1 ? "agreement means more" : "agreement means less"}`],
    ["Licence", item.lineage?.licence],
    ["Information", p === null ? why ?? "not known" : `${number(p.information, 3)} nats an answer, surely below ${number(p.high, 3)} (${p.respondents} respondents)`],
    ["Discrimination, difficulty", p === null ? null : `${number(p.discrimination, 2)}, ${number(p.difficulty, 2)} in standard deviations of the respondents`],
    ["Used in", `${of.uses} measurement${of.uses === 1 ? "" : "s"}`],
  ];
  return <dl className="facts">{rows.filter(([, v]) => v !== null && v !== undefined).map(([k, v]) => <div key={k}><dt>{k}</dt><dd>{v}</dd></div>)}</dl>;
}

function Disagreement({ of }: { of: Whole }) {
  const shown = of.spread.filter((s) => of.rows.some((r) => r.scores[s.dimension] !== null));
  return (
    <section aria-labelledby="spread">
      <h2 id="spread">Where respondents disagree</h2>
      {of.measured === null || shown.length === 0 ? <p className="none">Nobody has answered it here.</p> : (
        <>
          <p className="quiet">Mean of each respondent's answers on a dimension, 0 to 100; measurement {of.measured.measurement} of {of.measured.date}. One item says little of a respondent: these are no scores.</p>
          <div className="scroll" tabIndex={0} role="region" aria-label="Answers by respondent">
            <table className="spread">
              <thead><tr><th scope="col">Dimension</th><th scope="col" className="number">Spread (sd)</th>{of.rows.map((r) => <th key={r.respondent} scope="col"><Person name={r.respondent} simulated={r.simulated} /> <small className="quiet">n {r.n}</small></th>)}</tr></thead>
              <tbody>
                {shown.map((s) => (
                  <tr key={s.dimension}>
                    <th scope="row"><bdi>{s.dimension}</bdi></th>
                    <td className="number">{number(s.sd, 1)}</td>
                    {of.rows.map((r, at) => { const value = r.scores[s.dimension] ?? null; return <td key={r.respondent}>{value === null ? <span className="none">none</span> : number(value, 0)}{value !== null && <RangeBar score={value} low={null} high={null} series={at} />}</td>; })}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <p><a href={href(place("/cases", { system: of.item.system, date: of.measured.measurement, item: of.id }))}>Read the answers</a></p>
        </>
      )}
    </section>
  );
}

function Branch({ node }: { node: Schemas["LineageNode"] }) {
  const about = [node.origin === "unknown" ? "not in this workspace" : node.origin, node.method, node.model, node.region, node.year].filter((x) => x !== null && x !== undefined);
  const rewards = Object.entries(node.rewards ?? {});
  return (
    <li className={node.here ? "here" : node.kept ? undefined : "rejected"}>
      <div className="node" aria-current={node.here ? "true" : undefined}>
        <p>{node.here || node.origin === "unknown" || !node.kept ? <bdi>{node.text || node.id}</bdi> : <a href={href(`/items/${node.id}`)}><bdi>{node.text}</bdi></a>}</p>
        <p className="quiet"><bdi>{about.join(" · ")}</bdi>{!node.kept && <> · rejected: <bdi>{node.reason}</bdi></>}{node.calls !== null && node.calls !== undefined && <> · {node.calls} requests</>}</p>
        {node.fact !== null && node.fact !== undefined && <p className="quiet">Rests on: <bdi>{node.fact}</bdi></p>}
        {rewards.length > 0 && <p className="quiet">Rewards: {rewards.map(([stage, value]) => `${stage} ${number(value, 2)}`).join(", ")}. Only “fresh” selected nothing.</p>}
      </div>
      {(node.children ?? []).length > 0 && <ul>{node.children!.map((child) => <Branch key={child.id} node={child} />)}</ul>}
    </li>
  );
}

function History({ of }: { of: Whole }) {
  return (
    <section aria-labelledby="history">
      <h2 id="history">Forms and retirement</h2>
      {of.asked.length === 0 ? <p className="none">No form with it was measured here.</p> : (
        <div className="scroll" tabIndex={0} role="region" aria-label="Forms"><table>
          <thead><tr><th scope="col">Date</th><th scope="col">Form</th><th scope="col">Hash</th><th scope="col">Measurement</th></tr></thead>
          <tbody>{of.asked.map((use) => <tr key={use.measurement}><td>{use.date}</td><td><bdi>{use.form}</bdi></td><td><code>{use.hash}</code></td><td><code>{use.measurement}</code></td></tr>)}</tbody>
        </table></div>
      )}
      {of.log.length > 0 && (
        <ul className="log">{of.log.map((row, at) => <li key={at}>{String(row.date).slice(0, 10)}: <b>{String(row.reason)}</b> <code>{JSON.stringify(row.detail)}</code></li>)}</ul>
      )}
    </section>
  );
}
