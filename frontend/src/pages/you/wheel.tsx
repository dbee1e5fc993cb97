// A profile on the circle of values: neighbours go together, opposites pull against each other.
interface Props {
  title: string;
  dims: readonly string[];
  /** In [0, 1], by dimension. */
  mine: readonly number[];
  other?: readonly number[] | undefined;
  named?: boolean;
}

const R = 92;
const around = (at: number, of: number, radius: number): [number, number] => {
  const turn = (2 * Math.PI * at) / of;
  return [radius * Math.sin(turn), -radius * Math.cos(turn)];
};
const shape = (values: readonly number[]) => values.map((v, i) => around(i, values.length, R * v).map((x) => x.toFixed(1)).join(",")).join(" ");

export function Wheel({ title, dims, mine, other, named = false }: Props) {
  return (
    <svg className="wheel" viewBox={named ? "-160 -120 320 240" : "-98 -98 196 196"} role="img" aria-label={title}>
      {[0.25, 0.5, 0.75, 1].map((v) => <circle key={v} className="ring" r={R * v} />)}
      {dims.map((name, i) => {
        const [x, y] = around(i, dims.length, R);
        const [tx, ty] = around(i, dims.length, R + 9);
        return (
          <g key={name}>
            <line className="spoke" x1={0} y1={0} x2={x} y2={y} />
            {named && <text x={tx} y={ty + 3} textAnchor={Math.abs(tx) < 8 ? "middle" : tx > 0 ? "start" : "end"}>{name}</text>}
          </g>
        );
      })}
      <polygon className="mine" points={shape(mine)} />
      {other !== undefined && <polygon className="other" points={shape(other)} />}
    </svg>
  );
}
