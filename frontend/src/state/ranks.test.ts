import { describe, expect, it } from "vitest";
import fixture from "./ranks.fixture.json";
import { normalTail, rankSets, smallSample, studentQuantile, unpacked, weigh } from "./ranks";

describe("weighing a board", () => {
  // the fixture is what Python computes: tests/web/test_ranks_fixture.py holds it to that
  it.each(fixture.boards.map((b) => [b.name, b] as const))("gives Python's numbers: %s", (_, board) => {
    const found = weigh(board.scores, board.weights, unpacked(board.draws));
    board.expected.forEach((row, r) => {
      const mine = found[r]!;
      expect([mine.rank, mine.rankLow, mine.rankHigh]).toEqual([row.rank, row.rank_low, row.rank_high]);
      for (const [a, b] of [[mine.score, row.score], [mine.low, row.low], [mine.high, row.high]] as const) {
        if (b === null) expect(a).toBeNull();
        else expect(a).toBeCloseTo(b, 3);
      }
    });
  });
  it("gives whoever lacks a weighted score no rank", () => {
    expect(weigh([[1, null], [2, 3]], [0.5, 0.5], null)[0]!.rank).toBeNull();
    expect(weigh([[1, null], [2, 3]], [1, 0], null)[0]!.rank).toBe(2);
  });
  it("ties equal scores of a table without intervals", () => {
    expect(rankSets([3, 3, 1], null, null)).toEqual({ rank: [1, 1, 3], low: [1, 1, 3], high: [2, 2, 3] });
  });
});

describe("tails", () => {
  it.each(fixture.tails)("normal %j", ({ x, p }) => expect(normalTail(x) / p).toBeCloseTo(1, 10));
  it.each(fixture.students)("student %j", ({ p, v, t }) => expect(studentQuantile(p, v) / t).toBeCloseTo(1, 8));
  it.each(fixture.criticals)("few items %j", ({ c, n, to }) => expect(smallSample(c, n) / to).toBeCloseTo(1, 8));
});
