// A person's profile: what the server does with answers, for exports, and what a link may hold.
import type { Schemas } from "../../api";

type Asked = Pick<Schemas["QuestionnaireDocument"], "dims" | "low" | "high" | "items">;
export type Answers = Record<string, number>;

/** Mean answer by dimension; answers to reversed statements are turned first (`Questionnaire.means`). */
export function means(asked: Asked, answers: Answers): Record<string, number> {
  return Object.fromEntries(asked.dims.map((name) => {
    const items = asked.items.filter((item) => item.dimension === name);
    const sum = items.reduce((total, item) => total + (item.keying > 0 ? answers[item.id]! : asked.low + asked.high - answers[item.id]!), 0);
    return [name, sum / items.length];
  }));
}

/** Scores for a link: one decimal, in the questionnaire's order. Nothing else of a person is in it. */
export const written = (asked: Asked, scores: Record<string, number>): string => asked.dims.map((name) => scores[name]!.toFixed(1)).join("_");

/** Scores out of a link; null where it is not one of ours. */
export function read(asked: Asked, text: string): Record<string, number> | null {
  const parts = text.split("_").map((part) => (/^\d{1,3}(\.\d)?$/.test(part) ? Number(part) : NaN));
  if (parts.length !== asked.dims.length || !parts.every((v) => v >= asked.low && v <= asked.high)) return null;
  return Object.fromEntries(asked.dims.map((name, i) => [name, parts[i]!]));
}

/** The first statement without an answer. */
export const open = (asked: Asked, answers: Answers): number => {
  const at = asked.items.findIndex((item) => answers[item.id] === undefined);
  return at < 0 ? asked.items.length : at;
};

/** Ranks, 1 = least, ties averaged. */
export function ranks(values: readonly number[]): number[] {
  return values.map((v) => values.filter((w) => w < v).length + (values.filter((w) => w === v).length + 1) / 2);
}
