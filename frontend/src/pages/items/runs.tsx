// Runs in which items evolved: the list, and the report on one.
import { useMemo } from "react";
import { useDocument, type Schemas } from "../../api";
import { Chart, TOOLTIP, type Colours } from "../../charts/chart";
import { Notices } from "../../parts/notices";
import { count, interval, number } from "../../parts/numbers";
import { Shown } from "../../parts/states";
import { change, href, useParam } from "../../state/url";
import { shorter } from "./list";

type Doc = Schemas["EvolutionDocument"];
interface Rewards { n: number; reason: string | null; selected?: number; fresh?: number; difference?: { value: number; low: number | null; high: number | null }; correlation?: number | null; edges?: number[]; histograms?: Record<"selected" | "fresh", number[]> }
interface Counted { name: string | null; n: number }

export function Runs() {
  const [run] = useParam("run");
  return run === "" ? <List /> : <One id={run} />;
}

function List() {
  const found = useDocument("/api/v1/evolutions");
  return (
    <Shown of={found} what="Loading runs">{({ runs }) => runs.length === 0 ? <p className="none">No items evolved here yet: valuecompass evolve adaem.</p> : (
      <div className="scroll" tabIndex={0} role="region" aria-label="Runs"><table className="runs">
        <thead><tr><th scope="col">Run</th><th scope="col">Systems</th><th scope="col">Pool</th><th scope="col">State</th><th scope="col" className="number">Kept</th><th scope="col" className="number">Rejected</th></tr></thead>
        <tbody>{runs.map((run) => (
          <tr key={run.id}>
            <th scope="row">{run.finished === null ? <code>{run.id}</code> : <button type="button" className="plain" onClick={() => change({ run: run.id })}>{run.created.slice(0, 10)} <code>{run.id}</code></button>}<small>{run.method}, {run.kind}, {run.language}</small></th>
            <td>{run.systems.join(", ")}</td>
            <td><bdi>{run.pool.join(", ")}</bdi>{run.simulated.length > 0 && <> <span className="badge">simulated</span></>}</td>
            <td>{run.finished === null ? `not finished, ${count(run.events)} steps so far` : `finished: ${run.stopped ?? "done"}`}</td>
            <td className="number">{run.kept === null ? "–" : count(run.kept)}</td><td className="number">{run.rejected === null ? "–" : count(run.rejected)}</td>
          </tr>
        ))}</tbody>
      </table></div>
    )}</Shown>
  );
}

function One({ id }: { id: string }) {
  const found = useDocument("/api/v1/evolutions/{run}", { run: id });
  return (
    <>
      <p className="controls"><button type="button" onClick={() => change({ run: null })}>All runs</button></p>
      <Shown of={found} what="Reading the run">{(data) => <Report of={data} />}</Shown>
    </>
  );
}

function Report({ of }: { of: Doc }) {
  const run = of.run as { id: string; created: string; method: string; language: string; systems: { name: string }[]; stopped: string | null; simulated: string[]; manifest: { pool?: string[]; config?: { reward?: string } } };
  const counts = of.counts as { kept: number; rejected: number; reasons: { reason: string; n: number }[] };
  const cost = of.cost as { total: { requests: number; paid: number | null; usd: number | null }; per_survivor: { requests: number | null } };
  const rewards = of.rewards as unknown as Rewards;
  const classes = (of.distributions as { topic_classes: { evolved: Counted[] } }).topic_classes;
  return (
    <>
      <h2 className="run-name">Run <code>{run.id}</code> {run.simulated.length > 0 && <span className="badge">simulated writers</span>}</h2>
      <p className="lead">{run.method} of {run.created.slice(0, 10)} for {run.systems.map((s) => s.name).join(", ")}; pool: <bdi>{(run.manifest.pool ?? []).join(", ")}</bdi>.</p>
      <p>{count(counts.kept)} items kept of {count(counts.kept + counts.rejected)} questions, after {count(cost.total.requests)} requests{cost.per_survivor.requests !== null && ` (${number(cost.per_survivor.requests, 1)} for each kept one)`}{cost.total.usd !== null && `, USD ${cost.total.usd.toFixed(2)}`}.</p>
      <section aria-labelledby="rewards"><h2 id="rewards">Rewards, as selected and on fresh answers</h2><Curse of={rewards} /></section>
      {of.course.length > 0 && <section aria-labelledby="course"><h2 id="course">Course of the run</h2><Course of={of.course} /></section>}
      <section aria-labelledby="topics"><h2 id="topics">Topics</h2><Topics rows={classes.evolved} seeds={(classes as unknown as Record<string, Counted[]>).seeds ?? []} /></section>
      <section aria-labelledby="kept"><h2 id="kept">Items it kept</h2>
        <div className="scroll" tabIndex={0} role="region" aria-label="Items it kept"><table className="items">
          <thead><tr><th scope="col">Item</th><th scope="col">Dimensions</th><th scope="col" className="number">Selected</th><th scope="col" className="number">Fresh</th><th scope="col" className="number">Requests</th></tr></thead>
          <tbody>{of.items.map((item) => <tr key={item.id}><th scope="row"><a href={href(`/items/${item.id}`)}><bdi>{shorter(item.text)}</bdi></a><small><bdi>{[item.generator, item.region, item.year].filter((x) => x !== null).join(" · ")}</bdi></small></th><td>{item.dimensions.join(", ")}</td><td className="number">{item.selected === null ? "–" : number(item.selected, 2)}</td><td className="number">{item.fresh === null ? "–" : number(item.fresh, 2)}</td><td className="number">{item.calls}</td></tr>)}</tbody>
        </table></div>
      </section>
      <Notices of={[...of.notices, "How well these items tell models apart beside other sets has to be measured: valuecompass evolve report asks for it, with intervals."]} title="Read before you use them" />
    </>
  );
}

function Curse({ of }: { of: Rewards }) {
  const { edges, histograms, difference } = of;
  const labels = (edges ?? []).slice(0, -1).map((e, i) => `${number(e, 2)}–${number(edges![i + 1]!, 2)}`);
  const option = useMemo(() => (c: Colours) => ({
    grid: { left: 8, right: 16, top: 34, bottom: 44, containLabel: true },
    legend: { top: 0, left: 0, textStyle: { color: c.ink } }, tooltip: { ...TOOLTIP, trigger: "axis" },
    xAxis: { type: "category", data: labels, name: "reward", nameLocation: "middle", nameGap: 28, nameTextStyle: { color: c.muted }, axisLabel: { color: c.muted, hideOverlap: true } },
    yAxis: { type: "value", minInterval: 1, axisLabel: { color: c.muted }, splitLine: { lineStyle: { color: c.line } } },
    series: (["selected", "fresh"] as const).map((key) => ({ name: key === "selected" ? "as selected" : "on fresh answers", type: "bar", barMaxWidth: 26, data: histograms?.[key] ?? [] })),
  }), [of]);
  if (difference === undefined || histograms === undefined) return <p className="none">{of.reason}</p>;
  const table = <table><thead><tr><th scope="col">Reward</th><th scope="col" className="number">As selected</th><th scope="col" className="number">Fresh</th></tr></thead><tbody>{labels.map((l, i) => <tr key={l}><td>{l}</td><td className="number">{histograms.selected[i]}</td><td className="number">{histograms.fresh[i]}</td></tr>)}</tbody></table>;
  return (
    <>
      <p>Mean {number(of.selected, 3)} as selected, {number(of.fresh, 3)} on fresh answers, {of.n} items. Selected less fresh: {number(difference.value, 3)} ({interval(difference.low, difference.high, 3) || "too few topics for an interval"}). The first are the largest of many, and so too large; only fresh ones may be reported.</p>
      <Chart title="Items by reward" height={260} option={option} table={table} />
    </>
  );
}

function Course({ of }: { of: Doc["course"] }) {
  const option = useMemo(() => (c: Colours) => ({
    grid: { left: 8, right: 16, top: 34, bottom: 44, containLabel: true },
    legend: { top: 0, left: 0, textStyle: { color: c.ink } }, tooltip: { ...TOOLTIP, trigger: "axis" },
    xAxis: { type: "value", name: "requests", nameLocation: "middle", nameGap: 26, nameTextStyle: { color: c.muted }, axisLabel: { color: c.muted }, splitLine: { show: false } },
    yAxis: { type: "value", axisLabel: { color: c.muted }, splitLine: { lineStyle: { color: c.line } } },
    series: [["best", "best so far"], ["top", `mean of the best ${of[0]!.top_of}`]].map(([key, name], at) => ({ name, type: "line", showSymbol: false, lineStyle: { type: at === 0 ? "solid" : "dashed" }, data: of.filter((p) => p[key as "best" | "top"] !== null).map((p) => [p.requests, p[key as "best" | "top"]]) })),
  }), [of]);
  const table = <table><thead><tr><th scope="col" className="number">Pull</th><th scope="col" className="number">Requests</th><th scope="col" className="number">Best</th><th scope="col" className="number">Mean of the best</th><th scope="col" className="number">Topics</th><th scope="col" className="number">Found</th></tr></thead><tbody>{of.map((p) => <tr key={p.pull}><td className="number">{p.pull}</td><td className="number">{count(p.requests)}</td><td className="number">{p.best === null ? "–" : number(p.best, 2)}</td><td className="number">{p.top === null ? "–" : number(p.top, 2)}</td><td className="number">{p.topics}</td><td className="number">{p.found}</td></tr>)}</tbody></table>;
  return <Chart title="Rewards found so far, over requests" height={280} option={option} table={table} />;
}

function Topics({ rows, seeds }: { rows: Counted[]; seeds: Counted[] }) {
  const all = rows.reduce((sum, r) => sum + r.n, 0);
  const total = seeds.reduce((sum, r) => sum + r.n, 0);
  const of = new Map(seeds.map((s) => [s.name, s.n]));
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Topics"><table>
      <thead><tr><th scope="col">Topic class</th><th scope="col" className="number">Evolved</th><th scope="col" className="number">Share</th><th scope="col" className="number">Share of the seeds</th></tr></thead>
      <tbody>{rows.map((r) => <tr key={String(r.name)}><th scope="row"><bdi>{r.name ?? "not known"}</bdi></th><td className="number">{r.n}</td><td className="number">{number((100 * r.n) / all, 0)} %</td><td className="number">{total === 0 ? "–" : `${number((100 * (of.get(r.name) ?? 0)) / total, 0)} %`}</td></tr>)}</tbody>
    </table></div>
  );
}
