import { useEffect, useMemo, useRef, useState, type RefObject } from "react";
import type { Schemas } from "../../api";
import { href } from "../../state/url";
import { labels } from "./layout";

type Document = Schemas["SpaceDocument"];
type Point = Schemas["SpacePoint"];
const [WIDEST, LEAST] = [940, 320];
interface Frame { width: number; height: number; edge: number }
type Box = [number, number, number, number];
const shortened = (name: string) => (name.length > 26 ? `${name.slice(0, 25)}…` : name);
export const keyOf = (point: Point) => `${point.kind}:${point.name}`;

/** Kinds differ in shape as well as in colour. */
export function Mark({ point, near = false }: { point: Pick<Point, "kind" | "simulated">; near?: boolean }) {
  const kind = `${point.simulated ? "simulated" : point.kind}${near ? " near" : ""}`;
  return point.kind === "culture" ? <path className={kind} d="M0-7L6.5 0 0 7-6.5 0z" /> : <circle className={kind} r={5.5} />;
}

export function SpaceMap({ of, at, look, pointers }: { of: Document; at: Point | undefined; look: (point: Point | null) => void; pointers: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const frame = useFrame(box);
  const { width, height } = frame;
  const places = useMemo(() => {
    const scale = fitted(of.points, frame);
    return of.points.map((p) => scale(p.x, p.y));
  }, [of, frame]);
  const heads = useMemo(() => (pointers ? arrows(of.directions, places, frame) : []), [of, pointers, places, frame]);
  // neighbours go by name: a culture may be named like a respondent, then both are meant
  const near = new Set(at?.nearest.map((n) => n.name));
  const involved = (p: Point) => at === undefined || p === at || near.has(p.name);
  const spots = of.points.map((p, i) => ({ x: places[i]![0], y: places[i]![1], text: shortened(p.name), first: at !== undefined && involved(p) }));
  const names = labels(spots, width, height, heads.map((a) => a.box));
  const here = at === undefined ? null : places[of.points.indexOf(at)]!;
  return (
    <div ref={box}><svg className="space" viewBox={`0 0 ${width} ${height}`} role="group" aria-label={`Map of ${of.points.length} orders of values; the table below has the same`} onPointerLeave={() => look(null)}>
      <g className="pointer" aria-hidden="true">
        {heads.map((a) => <g key={a.name}><line x1={width / 2} y1={height / 2} x2={a.tip[0]} y2={a.tip[1]} /><text x={a.x} y={a.y} textAnchor="middle">{a.name}</text></g>)}
      </g>
      {here !== null && of.points.map((p, i) => near.has(p.name) && p !== at && <line key={keyOf(p)} x1={here[0]} y1={here[1]} x2={places[i]![0]} y2={places[i]![1]} stroke="var(--needle)" />)}
      {of.points.map((p, i) => {
        const [x, y] = places[i]!;
        const label = names[i];
        const said = `${p.name}${p.simulated ? ", simulated" : ""}, ${p.kind}; nearest: ${p.nearest.map((n) => n.name).join(", ")}`;
        const inner = (
          <>
            <g transform={`translate(${x} ${y})`}><circle className="hit" r={13} /><Mark point={p} near={at !== undefined && p !== at && near.has(p.name)} /></g>
            {label !== null && label !== undefined && involved(p) && <text x={label.x} y={label.y} textAnchor={label.anchor}>{spots[i]!.text}</text>}
          </>
        );
        const props = { className: `point${involved(p) ? "" : " far"}${p === at ? " at" : ""}`, onPointerEnter: () => look(p), onFocus: () => look(p), "aria-label": said };
        return p.kind === "respondent"
          ? <a key={keyOf(p)} href={href(`/respondents/${encodeURIComponent(p.name)}`)} {...props}>{inner}</a>
          : <g key={keyOf(p)} tabIndex={0} role="img" {...props}>{inner}</g>;
      })}
    </svg></div>
  );
}

/** As wide as the page: letters keep their size on a phone. */
function useFrame(of: RefObject<HTMLDivElement | null>): Frame {
  const [width, set] = useState(WIDEST);
  useEffect(() => {
    if (of.current === null) return;
    const watch = new ResizeObserver(([entry]) => set(Math.round(Math.min(WIDEST, Math.max(LEAST, entry!.contentRect.width)))));
    watch.observe(of.current);
    return () => watch.disconnect();
  }, [of]);
  return useMemo(() => ({ width, height: width < 600 ? Math.round(1.15 * width) : Math.round(0.7 * width), edge: width < 600 ? 30 : 74 }), [width]);
}

/** One scale for both axes: distances are what the map is about. */
function fitted(points: readonly Point[], { width, height, edge }: Frame): (x: number, y: number) => [number, number] {
  const [xs, ys] = [points.map((p) => p.x), points.map((p) => p.y)];
  const mid = (v: readonly number[]) => (Math.min(...v) + Math.max(...v)) / 2;
  const span = (v: readonly number[]) => Math.max(...v) - Math.min(...v) || 1;
  const unit = Math.min((width - 2 * edge) / span(xs), (height - 60) / span(ys));
  return (x, y) => [width / 2 + unit * (x - mid(xs)), height / 2 - unit * (y - mid(ys))];
}

interface Arrow { name: string; tip: [number, number]; x: number; y: number; box: Box }

/** Lines from the middle: the longer, the more of the value's differences the map shows. */
function arrows(directions: Document["directions"], points: readonly (readonly [number, number])[], { width, height }: Frame): Arrow[] {
  const placed: Arrow[] = [];
  const dots = points.map(([x, y]): Box => [x - 6, y - 6, x + 6, y + 6]);
  const meet = (a: Box, b: Box) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
  const reach = Math.min(width, height) / 2 - 40;
  for (const [name, [x, y]] of Object.entries(directions)) {
    if (Math.hypot(x!, y!) < 0.35) continue;
    const tip: [number, number] = [width / 2 + reach * x!, height / 2 - reach * y!];
    const half = 3.5 * name.length;
    // further out, then in, until the name covers neither a point nor another name
    for (const step of [12, 24, 36, 48, 60, 72, -14, -28, -42]) {
      const length = Math.hypot(x!, y!);
      const at = [tip[0] + (step * x!) / length, tip[1] - (step * y!) / length + 4] as const;
      const left = Math.min(width - half - 3, Math.max(half + 3, at[0]));
      const box: Box = [left - half, at[1] - 10, left + half, at[1] + 3];
      if (box[1] < 2 || box[3] > height - 2 || dots.some((d) => meet(d, box)) || placed.some((p) => meet(p.box, box))) continue;
      placed.push({ name, tip, x: left, y: at[1], box });
      break;
    }
  }
  return placed;
}
