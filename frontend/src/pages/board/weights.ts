// Weights in the address: nothing for equal ones, the name of a preset, or numbers by dimension.
import type { Schemas } from "../../api";

type Board = Schemas["BoardDocument"];

/** Relative importance of each dimension, 0 to 10, as sliders show it. */
export function importance(text: string, board: Pick<Board, "dims" | "presets">): number[] {
  if (text === "") return board.dims.map(() => 5);
  const preset = board.presets.find((p) => p.name === text);
  if (preset !== undefined) {
    const most = Math.max(...Object.values(preset.values));
    return board.dims.map((name) => Math.round((100 * (preset.values[name] ?? 0)) / most) / 10);
  }
  const given = new Map(text.split(",").map((part) => {
    const at = part.lastIndexOf("=");
    const value = Number(part.slice(at + 1));
    return [part.slice(0, at), Number.isFinite(value) ? Math.min(10, Math.max(0, value)) : 0];
  }));
  return board.dims.map((name) => given.get(name) ?? 0);
}

/** The weights themselves: they sum to one, or are all 0. A preset's are exact. */
export function weightsOf(text: string, board: Pick<Board, "dims" | "presets">): number[] {
  const preset = board.presets.find((p) => p.name === text);
  if (preset !== undefined) return board.dims.map((name) => preset.values[name] ?? 0);
  const values = importance(text, board);
  const total = values.reduce((sum, v) => sum + v, 0);
  return total === 0 ? values : values.map((v) => v / total);
}

/** The text for some importances; equal ones need none. */
export function written(values: readonly number[], dims: readonly string[]): string {
  if (values.every((v) => v === values[0] && v > 0)) return "";
  return dims.flatMap((name, d) => (values[d]! > 0 ? [`${name}=${values[d]}`] : [])).join(",") || `${dims[0]}=0`;
}
