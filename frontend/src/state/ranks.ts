// Weighted scores with joint intervals and rank sets, as `valuecompass.stats.ranks` and
// `board.alignment` compute them: a page weighs anew while somebody moves a slider.

export interface Drawn {
  respondents: readonly string[];
  dims: readonly string[];
  count: number;
  /** count x respondents x dims */
  values: Float32Array;
  missing: ReadonlySet<number>;
  items: readonly (readonly (number | null)[])[];
}

export interface Ranked {
  score: number | null;
  low: number | null;
  high: number | null;
  rank: number | null;
  rankLow: number | null;
  rankHigh: number | null;
}

const LEVEL = 0.95;
const ROUNDING = 1e-10;

/** Read the draws that the server packs into 16 bits each. */
export function unpacked(document: {
  respondents: string[]; dims: string[]; count: number; low: number; high: number; data: string;
  missing: number[][]; items: (number | null)[][];
}): Drawn {
  const bytes = Uint8Array.from(atob(document.data), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const values = new Float32Array(bytes.length / 2);
  const step = (document.high - document.low) / 65535;
  for (let i = 0; i < values.length; i++) values[i] = document.low + step * view.getUint16(2 * i, true);
  const dims = document.dims.length;
  const missing = new Set(document.missing.map((pair) => pair[0]! * dims + pair[1]!));
  return { ...document, values, missing };
}

/**
 * Weigh a board.
 *
 * scores: respondents x dims, null where missing. weights: by place in dims, none below 0.
 * drawn: null where no draws are known (a published table).
 */
export function weigh(scores: readonly (readonly (number | null)[])[], weights: readonly number[], drawn: Drawn | null): Ranked[] {
  const used = weights.flatMap((w, d) => (w === 0 ? [] : [d]));
  const estimate = scores.map((row) => (used.some((d) => row[d] === null || row[d] === undefined) ? NaN : used.reduce((sum, d) => sum + weights[d]! * row[d]!, 0)));
  const seen = estimate.flatMap((value, r) => (Number.isNaN(value) ? [] : [r]));
  const empty: Ranked = { score: null, low: null, high: null, rank: null, rankLow: null, rankHigh: null };
  const found = scores.map(() => ({ ...empty }));
  if (seen.length === 0 || used.length === 0) return found;
  const known = seen.map((r) => estimate[r]!);
  const draws = drawn === null || drawn.count < 2 ? null : seen.map((r) => weighedDraws(drawn, r, used, weights));
  const fewest = drawn === null ? null : Math.max(2, Math.min(...seen.flatMap((r) => used.map((d) => drawn.items[r]![d] ?? Infinity))));
  const sets = rankSets(known, draws, fewest);
  seen.forEach((r, i) => {
    const tail = (1 - LEVEL) / 2;
    const sorted = draws === null ? null : Float64Array.from(draws[i]!).sort();
    found[r] = {
      score: known[i]!,
      low: sorted === null ? null : Math.min(quantile(sorted, tail), known[i]!),
      high: sorted === null ? null : Math.max(quantile(sorted, 1 - tail), known[i]!),
      rank: sets.rank[i]!,
      rankLow: sets.low[i]!,
      rankHigh: sets.high[i]!,
    };
  });
  return found;
}

function weighedDraws(drawn: Drawn, r: number, used: readonly number[], weights: readonly number[]): Float64Array {
  const [R, D] = [drawn.respondents.length, drawn.dims.length];
  const out = new Float64Array(drawn.count);
  for (let b = 0; b < drawn.count; b++) {
    const at = (b * R + r) * D;
    let sum = 0;
    for (const d of used) sum += weights[d]! * drawn.values[at + d]!;
    out[b] = sum;
  }
  return out;
}

/** Ranks with sets that cover all true ranks together (Mogstad, Romano, Shaikh and Wilhelm 2024). */
export function rankSets(values: readonly number[], draws: readonly Float64Array[] | null, n: number | null): { rank: number[]; low: number[]; high: number[] } {
  let largest = Number.MIN_VALUE;
  for (const v of values) largest = Math.max(largest, Math.abs(v));
  for (const of of draws ?? []) for (const v of of) largest = Math.max(largest, Math.abs(v));
  const tolerance = ROUNDING * largest;
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const group = new Array<number>(values.length);
  order.forEach((i, k) => {
    const before = k === 0 ? null : order[k - 1]!;
    group[i] = before === null ? 0 : group[before]! + (values[i]! - values[before]! > tolerance ? 1 : 0);
  });
  const rank = values.map((_, i) => 1 + group.filter((g) => g > group[i]!).length);
  const last = values.map((_, i) => group.filter((g) => g >= group[i]!).length);
  if (draws === null) return { rank, low: rank, high: last };
  const sure = surelyGreater(values, draws, tolerance, n);
  const low = values.map((_, j) => 1 + values.filter((_, i) => sure(i, j)).length);
  const high = values.map((_, i) => values.length - values.filter((_, j) => sure(i, j)).length);
  return { rank, low, high };
}

function surelyGreater(values: readonly number[], draws: readonly Float64Array[], tolerance: number, n: number | null): (i: number, j: number) => boolean {
  const R = values.length;
  const B = draws[0]?.length ?? 0;
  const centred = draws.map((of) => {
    const mean = of.reduce((sum, v) => sum + v, 0) / B;
    return of.map((v) => v - mean);
  });
  const sd = new Float64Array(R * R);
  const farthest = new Float64Array(B);
  for (let i = 0; i < R; i++) {
    for (let j = i + 1; j < R; j++) {
      const [a, b] = [centred[i]!, centred[j]!];
      let squares = 0;
      for (let k = 0; k < B; k++) squares += (b[k]! - a[k]!) ** 2;
      const spread = Math.sqrt(squares / (B - 1));
      sd[i * R + j] = sd[j * R + i] = spread;
      const by = 1 / Math.max(spread, tolerance);
      for (let k = 0; k < B; k++) {
        const ratio = Math.abs(b[k]! - a[k]!) * by;
        if (ratio > farthest[k]!) farthest[k] = ratio;
      }
    }
  }
  let critical = higher(farthest.sort(), LEVEL);
  if (n !== null) critical = smallSample(critical, n);
  return (i, j) => i !== j && values[i]! - values[j]! > Math.max(critical * sd[i * R + j]!, tolerance);
}

/** numpy's quantile with method "higher". */
function higher(sorted: Float64Array, q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * (sorted.length - 1) - 1e-9))] ?? 0;
}

/** numpy's default quantile: linear between neighbours. */
function quantile(sorted: Float64Array, q: number): number {
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below]!;
  return low + (at - below) * ((sorted[below + 1] ?? low) - low);
}

/** The critical value where the spread itself is known from n items only. */
export function smallSample(critical: number, n: number): number {
  if (!Number.isFinite(n)) return critical;
  return studentQuantile(normalTail(critical), n - 1) * Math.sqrt((n + 1) / (n - 1));
}

/** P(Z > x) of the normal distribution, as a regularised incomplete gamma function. */
export function normalTail(x: number): number {
  return 0.5 * gammaTail(0.5, (x * x) / 2);
}

function gammaTail(a: number, x: number): number {
  const front = Math.exp(-x + a * Math.log(x) - lnGamma(a));
  if (x < a + 1) {
    let [term, sum] = [1 / a, 1 / a];
    for (let k = 1; k < 500 && term > sum * 1e-16; k++) sum += term *= x / (a + k);
    return 1 - sum * front;
  }
  let [b, c, d] = [x + 1 - a, 1e300, 1 / (x + 1 - a)];
  let h = d;
  for (let k = 1; k < 500; k++) {
    const an = -k * (k - a);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < 1e-15) break;
  }
  return front * h;
}

/** The t that Student's distribution with so many degrees of freedom exceeds with probability p. */
export function studentQuantile(p: number, degrees: number): number {
  let [low, high] = [0, 1];
  while (studentTail(high, degrees) > p && high < 1e12) high *= 2;
  for (let k = 0; k < 200 && high - low > 1e-13 * high; k++) {
    const middle = (low + high) / 2;
    if (studentTail(middle, degrees) > p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function studentTail(t: number, v: number): number {
  return 0.5 * incompleteBeta(v / (v + t * t), v / 2, 0.5);
}

function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(lnGamma(a + b) - lnGamma(a) - lnGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  if (x > (a + 1) / (a + b + 2)) return 1 - (front * betaFraction(1 - x, b, a)) / b;
  return (front * betaFraction(x, a, b)) / a;
}

function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const sure = (v: number) => (Math.abs(v) < tiny ? tiny : v);
  let c = 1;
  let d = 1 / sure(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m < 1000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / sure(1 + even * d);
    c = sure(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / sure(1 + odd * d);
    c = sure(1 + odd / c);
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < 1e-15) break;
  }
  return h;
}

/** Logarithm of the gamma function: Stirling's series after shifting the argument up. */
function lnGamma(z: number): number {
  let shift = 0;
  let x = z;
  while (x < 15) shift -= Math.log(x++);
  const y = 1 / (x * x);
  const series = (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y / 1188)))) / x;
  return shift + (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
}
