import { expect, test } from "vitest";
import type { Schemas } from "../../api";
import { passing, whole, type Sample } from "./sampled";

const measurement = { id: "m", system: "s", date: "2026-01-01", judge: "j", scoring: "expression", dims: ["Power", "Joy"], respondents: [{ name: "a", simulated: false }, { name: "b", simulated: true }] };
const lines = [
  { position: 0, item: "x", asked: "Should rules hold?", said: "Yes, ORDER", dims: [0] },
  { position: 1, item: "x", asked: "Should rules hold?", outcome: "refusal" },
];
const sample = { measurement, lines } as unknown as Sample;
const none = { q: "", respondent: "", dimension: "", outcome: "", item: "" };

test("every filter and every word must hold", () => {
  expect(passing(sample, none)).toHaveLength(2);
  expect(passing(sample, { ...none, q: "RULES order" })).toEqual([lines[0]]);
  expect(passing(sample, { ...none, respondent: "b" })).toEqual([lines[1]]);
  expect(passing(sample, { ...none, dimension: "Power" })).toEqual([lines[0]]);
  expect(passing(sample, { ...none, dimension: "Joy" })).toEqual([]);
  expect(passing(sample, { ...none, outcome: "answer" })).toEqual([lines[0]]);
  expect(passing(sample, { ...none, item: "x" })).toEqual(lines);
  expect(passing(sample, { ...none, item: "y" })).toEqual([]);
});

test("a case gets back what was left out", () => {
  const of = { measurement, position: 1, askings: [{ model: "x/y" }], cases: [] } as unknown as Schemas["SampledDocument"];
  const one = { item: "x", dimensions: ["Joy"], text: "Asked?", response: "Said", verdicts: [{ dimension: "Power", expressed: 0.7, start: 0, end: 4 }], absent: [1], how: { input_tokens: 1, output_tokens: 2, created: "now" } };
  const found = whole(of, one as unknown as Schemas["SampledCase"]);
  expect(found.respondent).toBe("b");
  expect(found.simulated).toBe(true);
  expect(found.verdicts.map((v) => [v.dimension, v.part, v.expressed, v.valence, v.end])).toEqual([["Power", 0, 0.7, null, 4], ["Joy", 0, 0, null, null]]);
  expect(found.asked).toMatchObject({ model: "x/y", prompt: "Asked?", parameters: {}, usd: null });
});
