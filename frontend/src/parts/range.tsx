import { interval, number } from "./numbers";

/**
 * An estimate on its scale: a dot, a line for the 95 % interval. The numbers stand beside it, so
 * that nothing has to be read off the picture.
 */
export function RangeBar({ score, low, high, from = 0, to = 100, series = 0 }: { score: number | null; low: number | null; high: number | null; from?: number; to?: number; series?: number }) {
  if (score === null) return <span className="none">not measured</span>;
  const at = (value: number) => 100 * Math.min(1, Math.max(0, (value - from) / (to - from || 1)));
  return (
    <svg className={`range s${series % 8}`} viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">
      <line className="track" x1="0" x2="100" y1="6" y2="6" />
      {low !== null && high !== null && <rect className="whisker" x={at(low)} width={Math.max(0.4, at(high) - at(low))} y="4.4" height="3.2" />}
      <rect className="dot" x={at(score) - 0.9} width="1.8" y="1" height="10" />
    </svg>
  );
}

/** Score over interval, as text. */
export function Score({ score, low, high, n, decimals }: { score: number | null; low: number | null; high: number | null; n?: number | null; decimals?: number }) {
  if (score === null) return <span className="none">not measured</span>;
  const limits = interval(low, high, decimals);
  return (
    <span className="score-text" title={n === null || n === undefined ? undefined : `n = ${n}`}>
      <b>{number(score, decimals)}</b>{limits !== "" && <small>{limits}</small>}
    </span>
  );
}
