// Respondents side by side on each dimension: a dot and its 95 % interval on the whole axis.
import type { Ref } from "react";
import { number } from "./numbers";
import { elide, Legend, MARKERS, type Series } from "./shapes";

const [LEFT, RIGHT, STEP, HEAD] = [12, 628, 13, 30];

interface Props { name: string; axes: readonly string[]; series: readonly Series[]; from: number; to: number; note: string; picture?: Ref<SVGSVGElement> }

export function Dots({ name, axes, series, from, to, note, picture }: Props) {
  const x = (value: number) => LEFT + ((RIGHT - LEFT) * Math.min(1, Math.max(0, (value - from) / (to - from || 1)))) ;
  const row = HEAD + series.length * STEP + 8;
  const bottom = 26 + axes.length * row;
  const whole = to - from > 4;
  return (
    <svg className="dots" viewBox={`0 0 640 ${bottom + series.length * 22 + 34}`} role="img" aria-label={name} ref={picture}>
      {[0, 0.25, 0.5, 0.75, 1].map((t) => (
        <g key={t}>
          <path className="grid" d={`M${x(from + t * (to - from))} 22V${bottom}`} />
          <text className="tick" x={Math.min(618, Math.max(20, x(from + t * (to - from))))} y="15">{number(from + t * (to - from), whole ? 0 : 2)}</text>
        </g>
      ))}
      {axes.map((axis, d) => (
        <g key={axis} transform={`translate(0 ${26 + d * row})`}>
          <text className="axis" x={LEFT} y="18">{elide(axis, 40)}</text>
          <path className="track" d={`M${LEFT} ${row - 3}H${RIGHT}`} />
          {series.map((one, k) => {
            const e = one.estimates[d]!;
            if (e.score === null) return null;
            return (
              <g key={one.name} className={`s${k % 8}`} transform={`translate(0 ${HEAD + k * STEP + 1})`}>
                {e.low !== null && e.high !== null && <path className="whisker" d={`M${x(e.low).toFixed(1)} 0H${x(e.high).toFixed(1)}`} />}
                <path className="dot" transform={`translate(${x(e.score).toFixed(1)} 0)`} d={MARKERS[k % 8]}><title>{`${one.name}, ${axis}: ${number(e.score, whole ? 1 : 2)}`}</title></path>
              </g>
            );
          })}
        </g>
      ))}
      <Legend series={series} note={note} x={30} y={bottom + 18} step={22} />
    </svg>
  );
}
