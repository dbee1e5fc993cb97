// How reliably a form measures and how far it is used up.
import { useMemo } from "react";
import { useDocument, type Schemas } from "../../api";
import { Chart, TOOLTIP, type Colours } from "../../charts/chart";
import { Notices } from "../../parts/notices";
import { count, interval, number, percent } from "../../parts/numbers";
import { Shown } from "../../parts/states";
import { DatePicker, type SystemAbout } from "../../parts/systems";
import { useParam } from "../../state/url";

type Doc = Schemas["FormHealth"];
interface Limits { value: number | null; low: number | null; high: number | null }
interface Own { items: number; alpha: Limits; split_half: { value: number | null } }
interface Facets { now: { dependability: Limits } | null; designs: Record<string, { n: Record<string, number>; calls: number } | null> | null; covers: string[] | null; not_covered: string[] }
interface Saturated { items: number; equal: number | null; same_verdict: number | null }

export function Health({ system }: { system: SystemAbout }) {
  const [date] = useParam("date");
  const found = useDocument("/api/v1/health/{system}", { system: system.id, date });
  return (
    <>
      <div className="controls"><DatePicker system={system} /></div>
      <Shown of={found} what="Looking at the form; this reads every answer">{(data) => <Whole of={data} />}</Shown>
    </>
  );
}

function Whole({ of }: { of: Doc }) {
  const form = of.form as { name?: string; hash?: string };
  const saturation = of.saturation as unknown as Saturated & { dimensions: Record<string, Saturated> };
  const reliability = of.reliability as Record<string, Own> | null;
  const facets = of.generalisability as Record<string, Facets> | null;
  const clean = of.contamination as { fresh: unknown; reason?: string | null };
  const first = facets === null ? undefined : Object.values(facets)[0];
  return (
    <>
      <p className="lead">Form <bdi>{form.name}</bdi> <code>{form.hash}</code>, {of.respondents.length} respondents, {of.date}.</p>
      <section aria-labelledby="reliable"><h2 id="reliable">Reliability</h2>
        {reliability === null ? <p className="none">Too few respondents to say how reliable it is.</p> : <Reliability own={reliability} facets={facets} />}
        {first !== undefined && <p className="quiet">Dependability covers {first.covers?.join(", ") || "nothing"}{first.not_covered.length > 0 && `; measured in one way only, so not covered: ${first.not_covered.join(", ")}`}.</p>}
      </section>
      <section aria-labelledby="saturated"><h2 id="saturated">Saturation</h2>
        <p>Of {count(saturation.items)} items, {share(saturation.equal)} get the same value from all respondents on every dimension, {share(saturation.same_verdict)} the same verdict.</p>
        <Saturation of={saturation.dimensions} />
      </section>
      <section aria-labelledby="exposed"><h2 id="exposed">Exposure</h2><Exposure of={of.exposure as unknown as Exposed} />{clean.fresh === null && <p className="quiet">{clean.reason}</p>}</section>
      <Notices of={of.notices} title="What could not be told, and what to know" />
    </>
  );
}

const share = (value: number | null) => (value === null ? "an unknown share" : percent(value));

function Reliability({ own, facets }: { own: Record<string, Own>; facets: Record<string, Facets> | null }) {
  const names = Object.keys(own);
  const option = useMemo(() => (c: Colours) => ({
    grid: { left: 8, right: 24, top: 8, bottom: 44, containLabel: true },
    tooltip: { ...TOOLTIP, trigger: "axis" },
    xAxis: { type: "value", min: 0, max: 1, name: "alpha", nameLocation: "middle", nameGap: 26, nameTextStyle: { color: c.muted }, axisLabel: { color: c.muted }, splitLine: { lineStyle: { color: c.line } } },
    yAxis: { type: "category", inverse: true, data: names, axisLabel: { color: c.ink }, axisTick: { show: false }, axisLine: { lineStyle: { color: c.line } } },
    series: [
      // a coefficient below 0 stands at the end of the axis; the table has it
      { name: "alpha", type: "bar", barWidth: 9, data: names.map((n) => (own[n]!.alpha.value === null ? null : Math.max(0, own[n]!.alpha.value!))), markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: c.muted, type: "dashed" }, data: [{ xAxis: 0.8 }] } },
    ],
  }), [own, names.join()]);
  const table = (
    <table>
      <thead><tr><th scope="col">Dimension</th><th className="number" scope="col">Items</th><th className="number" scope="col">Alpha</th><th className="number" scope="col">Split half</th><th className="number" scope="col">Dependability</th><th scope="col">Cheapest for .8</th></tr></thead>
      <tbody>{names.map((n) => {
        const f = facets?.[n];
        const design = f?.designs?.["0.8"];
        return <tr key={n}><th scope="row"><bdi>{n}</bdi></th><td className="number">{own[n]!.items}</td><td className="number">{told(own[n]!.alpha)}</td><td className="number">{number(own[n]!.split_half.value, 2)}</td><td className="number">{f?.now ? told(f.now.dependability) : "–"}</td><td>{design ? Object.entries(design.n).map(([k, v]) => `${v} ${k}s`).join(" × ") : "–"}</td></tr>;
      })}</tbody>
    </table>
  );
  return <Chart title="Cronbach's alpha by dimension; the dashed line is .8, usual for decisions on groups" height={60 + 26 * names.length} option={option} table={table} />;
}

const told = (x: Limits) => (x.value === null ? "–" : `${number(x.value, 2)} ${interval(x.low, x.high, 2)}`);

function Saturation({ of }: { of: Record<string, Saturated> }) {
  const names = Object.keys(of);
  const option = useMemo(() => (c: Colours) => ({
    grid: { left: 8, right: 24, top: 34, bottom: 20, containLabel: true },
    legend: { top: 0, left: 0, textStyle: { color: c.ink } },
    tooltip: { ...TOOLTIP, trigger: "axis" },
    xAxis: { type: "value", min: 0, max: 100, axisLabel: { color: c.muted, formatter: "{value} %" }, splitLine: { lineStyle: { color: c.line } } },
    yAxis: { type: "category", inverse: true, data: names, axisLabel: { color: c.ink }, axisTick: { show: false }, axisLine: { lineStyle: { color: c.line } } },
    series: (["equal", "same_verdict"] as const).map((key) => ({ name: key === "equal" ? "same value" : "same verdict", type: "bar", barWidth: 7, data: names.map((n) => (of[n]![key] === null ? null : 100 * of[n]![key]!)) })),
  }), [of, names.join()]);
  const table = (
    <table><thead><tr><th scope="col">Dimension</th><th className="number" scope="col">Items</th><th className="number" scope="col">Same value</th><th className="number" scope="col">Same verdict</th></tr></thead>
      <tbody>{names.map((n) => <tr key={n}><th scope="row"><bdi>{n}</bdi></th><td className="number">{of[n]!.items}</td><td className="number">{of[n]!.equal === null ? "–" : percent(of[n]!.equal!)}</td><td className="number">{of[n]!.same_verdict === null ? "–" : percent(of[n]!.same_verdict!)}</td></tr>)}</tbody></table>
  );
  return <Chart title="Share of items on which respondents do not differ" height={70 + 28 * names.length} option={option} table={table} />;
}

interface Exposed { items: number; times: Record<string, number>; uses: number; worn: number | null }

function Exposure({ of }: { of: Exposed }) {
  const rows = Object.entries(of.times);
  const option = useMemo(() => (c: Colours) => ({
    grid: { left: 8, right: 16, top: 12, bottom: 44, containLabel: true },
    tooltip: { ...TOOLTIP, trigger: "axis" },
    xAxis: { type: "category", data: rows.map(([t]) => t), name: "times used", nameLocation: "middle", nameGap: 26, nameTextStyle: { color: c.muted }, axisLabel: { color: c.ink } },
    yAxis: { type: "value", axisLabel: { color: c.muted }, splitLine: { lineStyle: { color: c.line } } },
    series: [{ name: "items", type: "bar", barMaxWidth: 46, data: rows.map(([, n]) => n) }],
  }), [of]);
  const table = <table><thead><tr><th scope="col">Times used</th><th scope="col" className="number">Items</th></tr></thead><tbody>{rows.map(([t, n]) => <tr key={t}><td>{t}</td><td className="number">{count(n)}</td></tr>)}</tbody></table>;
  return (
    <>
      <p>{share(of.worn)} of {count(of.items)} items were used in more than {of.uses} measurements here, after which they count as worn.</p>
      <Chart title="Items by the number of measurements that used them" height={220} option={option} table={table} />
    </>
  );
}
