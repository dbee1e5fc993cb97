import { expect, test } from "vitest";
import { byItem, evidenceOf, sideOf, type Case } from "./cases";

const verdict = { part: 0, dimension: "Power", expressed: 0.9, valence: null, confidence: null, start: 0, end: 3, missing: null, votes: null, note: null };

test("the side is the judge's valence, and of conduct what was kept", () => {
  expect(sideOf({ ...verdict, valence: 1 }, "expression")).toBe("for");
  expect(sideOf({ ...verdict, valence: -0.5 }, "safe-rate")).toBe("against");
  expect(sideOf(verdict, "expression")).toBe("open");
  expect(sideOf(verdict, "conformity")).toBe("for");
  expect(sideOf({ ...verdict, expressed: 0.2 }, "conformity")).toBe("against");
  expect(sideOf({ ...verdict, expressed: null }, "conformity")).toBe("open");
});

test("evidence outside the text, or of no length, is left out; the rest stands in order, each once", () => {
  const found = evidenceOf([{ ...verdict, start: 4, end: 6 }, verdict, verdict, { ...verdict, end: 99 }, { ...verdict, end: 0 }, { ...verdict, start: null }], "expression", 10);
  expect(found.map((e) => [e.start, e.end])).toEqual([[0, 3], [4, 6]]);
});

test("answers to one item in one presentation stand together", () => {
  const at = (item: string, position: number, presentation = 0, kind = "question") =>
    ({ address: { measurement: "m", position, item, presentation, repeat: 0 }, item: { kind } }) as Case;
  const groups = byItem([at("a", 0), at("a", 1), at("a", 0, 1), at("b", 0), at("a", 2), at("c", 0, 0, "conversation"), at("c", 0, 0, "conversation")]);
  expect(groups.map((g) => g.length)).toEqual([2, 1, 1, 1, 1, 1]);
});
