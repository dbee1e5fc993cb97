import { describe, expect, it } from "vitest";
import fixture from "./scores.fixture.json";
import { means, open, ranks, read, written } from "./scores";

const { asked, persons } = fixture;

describe("a person's profile", () => {
  // the fixture is what Python computes: tests/web/test_scores_fixture.py holds it to that
  it.each(persons)("has Python's means and ranks", ({ answers, means: expected, ranks: order }) => {
    const found = means(asked, answers as unknown as Record<string, number>);
    for (const name of asked.dims) expect(found[name]).toBeCloseTo(expected[name as keyof typeof expected], 10);
    expect(ranks(asked.dims.map((name) => expected[name as keyof typeof expected]))).toEqual(order);
  });
  it("comes back from a link with its order, ties too", () => {
    for (const { means: scores } of persons) {
      const back = read(asked, written(asked, scores))!;
      expect(ranks(asked.dims.map((n) => back[n]!))).toEqual(ranks(asked.dims.map((n) => scores[n as keyof typeof scores])));
    }
  });
  it("is not read from a link that is no profile", () => {
    const whole = written(asked, persons[0]!.means);
    for (const text of ["", "1_2", `${whole}_1`, whole.replace(/^[^_]+/, "7"), whole.replace(/^[^_]+/, "0x3"), whole.replace(/^[^_]+/, "NaN")]) expect(read(asked, text)).toBeNull();
  });
  it("is open at the first statement without an answer", () => {
    expect(open(asked, {})).toBe(0);
    expect(open(asked, persons[0]!.answers as unknown as Record<string, number>)).toBe(asked.items.length);
  });
});
