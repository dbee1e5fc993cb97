// Profiles on the full axis: 0 is a small ring, not a point, so that low profiles stay distinct.
import type { Ref } from "react";
import { number } from "./numbers";
import { DASHES, Legend, MARKERS, wrapped, type Estimate, type Series } from "./shapes";

const [RADIUS, HOLE] = [150, 16];
const TICKS = [0, 25, 50, 75, 100];
const BANDS = 3;
const LINE = 17;

interface Props {
  /** What it shows, for screen readers; the numbers stand in a table beside it. */
  name: string;
  axes: readonly string[];
  series: readonly Series[];
  from: number;
  to: number;
  /** What a saved picture must say beside the names; without it there is no legend. */
  note?: string;
  picture?: Ref<SVGSVGElement>;
}

export function Radar({ name, axes, series, from, to, note, picture }: Props) {
  const turns = axes.map((_, i) => (360 * i) / axes.length);
  const reach = (value: number) => HOLE + (RADIUS - HOLE) * Math.min(1, Math.max(0, (value - from) / (to - from || 1)));
  const whole = to - from > 4;
  const bottom = 208 + (note === undefined ? 0 : series.length * 20 + 30);
  return (
    <svg className="radar" viewBox={`-275 -206 550 ${206 + bottom}`} role="img" aria-label={name} ref={picture}>
      {TICKS.map((t) => <circle key={t} className={`ring t${t}`} r={HOLE + ((RADIUS - HOLE) * t) / 100} />)}
      <path className="spoke" d={turns.map((turn) => `M${polar(HOLE, turn)}L${polar(RADIUS, turn)}`).join("")} />
      {axes.map((axis, i) => <AxisName key={axis} text={axis} turn={turns[i]!} />)}
      {series.length <= BANDS && series.map((one, k) => <path key={one.name} className={`band s${k % 8}`} d={band(one.estimates, turns, reach)} />)}
      {series.map((one, k) => (
        <g key={one.name} className={`s${k % 8}`}>
          <path className="line" strokeDasharray={DASHES[k % 8]} d={outline(one.estimates, turns, reach)} />
          {one.estimates.map((e, i) => e.score !== null && <path key={axes[i]} className="dot" transform={`translate(${polar(reach(e.score), turns[i]!)})`} d={MARKERS[k % 8]}><title>{`${one.name}, ${axes[i]}: ${number(e.score, whole ? undefined : 2)}`}</title></path>)}
        </g>
      ))}
      {TICKS.map((t) => <text key={t} className="tick" x="-6" y={3.5 - HOLE - ((RADIUS - HOLE) * t) / 100}>{number(from + ((to - from) * t) / 100, whole ? 0 : 2)}</text>)}
      {note !== undefined && <Legend series={series} note={note} x={-238} y={220} step={20} />}
    </svg>
  );
}

function point(radius: number, turn: number): [number, number] {
  const angle = ((turn - 90) * Math.PI) / 180;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

const polar = (radius: number, turn: number) => point(radius, turn).map((v) => v.toFixed(1)).join(" ");

function AxisName({ text, turn }: { text: string; turn: number }) {
  const radius = RADIUS + 16;
  const [x, y] = point(radius, turn);
  const lines = wrapped(text, 15);
  // a block of lines grows upwards above the centre, downwards below it
  const top = y + 4 - (lines.length - 1) * LINE * (0.5 - y / radius / 2);
  return (
    <text className="name" textAnchor={Math.abs(x) < 25 ? "middle" : x > 0 ? "start" : "end"}>
      {lines.map((line, i) => <tspan key={i} x={x.toFixed(1)} y={(top + LINE * i).toFixed(1)}>{line}</tspan>)}
    </text>
  );
}

function band(estimates: readonly Estimate[], turns: readonly number[], reach: (v: number) => number): string {
  return estimates.map((here, i) => {
    const j = (i + 1) % estimates.length;
    const there = estimates[j]!;
    if (here.low === null || here.high === null || there.low === null || there.high === null) return "";
    const corners = [[here.low, i], [there.low, j], [there.high, j], [here.high, i]] as const;
    return `M${corners.map(([value, at]) => polar(reach(value), turns[at]!)).join("L")}z`;
  }).join("");
}

/** One line where nothing is missing, so that its dashes run on; what was not measured leaves a gap. */
function outline(estimates: readonly Estimate[], turns: readonly number[], reach: (v: number) => number): string {
  const n = estimates.length;
  return estimates.map((here, i) => {
    if (here.score === null) return "";
    const there = estimates[(i + 1) % n]!;
    const begins = i === 0 || estimates[i - 1]!.score === null;
    return `${begins ? `M${polar(reach(here.score), turns[i]!)}` : ""}${there.score === null ? "" : `L${polar(reach(there.score), turns[(i + 1) % n]!)}`}`;
  }).join("");
}
