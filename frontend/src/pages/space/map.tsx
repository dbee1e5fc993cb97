import { useMemo } from "react";
import type { Schemas } from "../../api";
import { href } from "../../state/url";
import { labels } from "./layout";

type Document = Schemas["SpaceDocument"];
type Point = Schemas["SpacePoint"];
const [WIDTH, HEIGHT, EDGE] = [900, 640, 74];
const shortened = (name: string) => (name.length > 26 ? `${name.slice(0, 25)}…` : name);
export const keyOf = (point: Point) => `${point.kind}:${point.name}`;

/** Kinds differ in shape as well as in colour. */
export function Mark({ point, near = false }: { point: Pick<Point, "kind" | "simulated">; near?: boolean }) {
  const kind = `${point.simulated ? "simulated" : point.kind}${near ? " near" : ""}`;
  return point.kind === "culture" ? <path className={kind} d="M0-7L6.5 0 0 7-6.5 0z" /> : <circle className={kind} r={5.5} />;
}

export function SpaceMap({ of, at, look, pointers }: { of: Document; at: Point | undefined; look: (point: Point | null) => void; pointers: boolean }) {
  const scale = useMemo(() => fitted(of.points), [of]);
  const places = of.points.map((p) => scale(p.x, p.y));
  const heads = useMemo(() => (pointers ? arrows(of.directions) : []), [of, pointers]);
  // neighbours go by name: a culture may be named like a respondent, then both are meant
  const near = new Set(at?.nearest.map((n) => n.name));
  const involved = (p: Point) => at === undefined || p === at || near.has(p.name);
  const spots = of.points.map((p, i) => ({ x: places[i]![0], y: places[i]![1], text: shortened(p.name), first: at !== undefined && involved(p) }));
  const taken = heads.map((a): [number, number, number, number] => [a.x - 34, a.y - 9, a.x + 34, a.y + 6]);
  const names = labels(spots, WIDTH, HEIGHT, taken);
  const here = at === undefined ? null : places[of.points.indexOf(at)]!;
  return (
    <svg className="space" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="group" aria-label={`Map of ${of.points.length} orders of values; the table below has the same`} onPointerLeave={() => look(null)}>
      <g className="pointer" aria-hidden="true">
        {heads.map((a) => <g key={a.name}><line x1={WIDTH / 2} y1={HEIGHT / 2} x2={a.tip[0]} y2={a.tip[1]} /><text x={a.x} y={a.y} textAnchor="middle">{a.name}</text></g>)}
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
    </svg>
  );
}

/** One scale for both axes: distances are what the map is about. */
function fitted(points: readonly Point[]): (x: number, y: number) => [number, number] {
  const [xs, ys] = [points.map((p) => p.x), points.map((p) => p.y)];
  const mid = (v: readonly number[]) => (Math.min(...v) + Math.max(...v)) / 2;
  const span = (v: readonly number[]) => Math.max(...v) - Math.min(...v) || 1;
  const unit = Math.min((WIDTH - 2 * EDGE) / span(xs), (HEIGHT - EDGE) / span(ys));
  return (x, y) => [WIDTH / 2 + unit * (x - mid(xs)), HEIGHT / 2 - unit * (y - mid(ys))];
}

/** Lines from the middle: the longer, the more of the value's differences the map shows. */
function arrows(directions: Document["directions"]) {
  const placed: { name: string; tip: [number, number]; x: number; y: number }[] = [];
  for (const [name, [x, y]] of Object.entries(directions)) {
    if (Math.hypot(x!, y!) < 0.35) continue;
    const radius = HEIGHT / 2 - 40;
    const tip: [number, number] = [WIDTH / 2 + radius * x!, HEIGHT / 2 - radius * y!];
    let at = tip[1] + (y! > 0 ? -7 : 15);
    while (placed.some((p) => Math.abs(p.x - tip[0]) < 84 && Math.abs(p.y - at) < 14)) at += y! > 0 ? -14 : 14;
    placed.push({ name, tip, x: Math.min(WIDTH - 45, Math.max(45, tip[0])), y: Math.min(HEIGHT - 6, Math.max(14, at)) });
  }
  return placed;
}
