// Numbers in words, as `valuecompass.wording` writes them.
export function number(value: number | null | undefined, decimals?: number): string {
  if (value === null || value === undefined) return "not measured";
  const near = (Math.abs(value) > 0 && Math.abs(value) < 0.5) || (Math.abs(value) >= 99.5 && Math.abs(value) < 100);
  const text = value.toFixed(decimals ?? (near ? 1 : 0));
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

export function interval(low: number | null | undefined, high: number | null | undefined, decimals?: number): string {
  if (low === null || low === undefined || high === null || high === undefined) return "";
  const [a, b] = [number(low, decimals), number(high, decimals)];
  return low < 0 || high < 0 ? `${a} to ${b}` : `${a}–${b}`;
}

export function ranks(rank: number | null, low: number | null, high: number | null): string {
  if (rank === null) return "–";
  return low === null || high === null || low === high ? String(rank) : `${rank} (${low}–${high})`;
}

/** A number that says which way it points. */
export function signed(value: number | null, decimals?: number): string {
  const text = number(value, decimals);
  return value !== null && value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** A q-value: resampling never shows that it is 0. */
export const chance = (q: number | null): string => (q === null ? "–" : q < 0.001 ? "< 0.001" : number(q, 3));

export const count = (value: number): string => value.toLocaleString("en");
export const percent = (value: number, decimals = 0): string => `${number(100 * value, decimals)} %`;
