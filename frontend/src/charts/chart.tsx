// A chart with its table: ECharts is fetched when a chart is first shown, and never needed to read.
import { useEffect, useId, useRef, useState, type ReactNode } from "react";
import type { EChartsCoreOption, EChartsType } from "echarts/core";

export interface Colours { ink: string; muted: string; line: string; card: string; accent: string; series: string[] }

/** The page's colours, so that charts follow light and dark. */
function colours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue(name).trim();
  return { ink: of("--ink"), muted: of("--muted"), line: of("--line"), card: of("--card"), accent: of("--accent"), series: Array.from({ length: 8 }, (_, i) => of(`--s${i}`)) };
}

/** ECharts empties its elements through innerHTML. Trusted Types refuse that, and who left a page with a chart saw nothing more. */
function dispose(chart: EChartsType) {
  const box = chart.getDom();
  for (const element of [box, ...box.querySelectorAll("svg")]) {
    Object.defineProperty(element, "innerHTML", { configurable: true, set: () => element.replaceChildren() });
  }
  chart.dispose();
}

interface Props {
  /** What it shows, in a sentence: its name for screen readers and the caption. */
  title: string;
  height?: number;
  option: (colours: Colours) => EChartsCoreOption;
  /** The same numbers as a table. */
  table: ReactNode;
  onPick?: (name: string, seriesName: string) => void;
  /** Runs once with the drawing library, for maps. */
  prepare?: (echarts: typeof import("./echarts")) => void;
}

export function Chart({ title, height = 380, option, table, onPick, prepare }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);
  const pick = useRef(onPick);
  pick.current = onPick;
  const [failed, setFailed] = useState(false);
  const [drawn, setDrawn] = useState(0);
  const id = useId();

  useEffect(() => {
    let gone = false;
    let watch: ResizeObserver | undefined;
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => setDrawn((n) => n + 1);
    import("./echarts").then((library) => {
      if (gone || box.current === null) return;
      prepare?.(library);
      chart.current = library.init(box.current, undefined, { renderer: "svg" });
      chart.current.on("click", (event) => pick.current?.(String(event.name), String(event.seriesName)));
      watch = new ResizeObserver(() => chart.current?.resize());
      watch.observe(box.current);
      redraw();
    }).catch(() => setFailed(true));
    dark.addEventListener("change", redraw);
    return () => {
      gone = true;
      watch?.disconnect();
      dark.removeEventListener("change", redraw);
      if (chart.current !== null) dispose(chart.current);
      chart.current = null;
    };
  }, [prepare]);

  useEffect(() => {
    const now = colours();
    // by its name: room for labels is measured on a canvas, which inherits nothing
    chart.current?.setOption({ animation: false, textStyle: { color: now.ink, fontFamily: getComputedStyle(document.body).fontFamily }, color: now.series, ...option(now) }, true);
  }, [option, drawn]);

  return (
    <figure className="chart" aria-labelledby={id}>
      <figcaption id={id}>{title}</figcaption>
      {failed ? <p className="none">The chart could not be drawn; its table is below.</p> : <div ref={box} className="canvas" style={{ height }} aria-hidden="true" />}
      <details className="twin" open={failed}>
        <summary>The same as a table</summary>
        <div className="scroll" tabIndex={0} role="region" aria-label={`Table: ${title}`}>{table}</div>
      </details>
    </figure>
  );
}

/** Tooltips as text: what a model or user wrote is never made into markup. */
export const TOOLTIP = { renderMode: "richText", confine: true } as const;
