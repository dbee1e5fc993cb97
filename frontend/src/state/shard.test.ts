import { describe, expect, it } from "vitest";
import fixture from "./shard.fixture.json";
import { dated, shard, type Params } from "./shard";

describe("files of an export", () => {
  it.each(fixture.map((c) => [c.file, c] as const))("has Python's name: %s", (file, { path, params }) => {
    expect(shard(path, params as unknown as Params)).toBe(file);
  });
});

describe("dates of an export", () => {
  const systems = [{ id: "s", measurements: [{ id: "new", date: "2026-02-01" }, { id: "old", date: "2026-01-01" }] }];
  it.each([["2026-02-01", null], ["new", null], ["2026-01-01", "2026-01-01"], ["old", "2026-01-01"], ["1999-01-01", "1999-01-01"], ["", ""]])("%s is asked for as %s", (date, asked) => {
    expect(dated(systems, { system: "s", date, dim: "x" })).toEqual({ system: "s", date: asked, dim: "x" });
  });
  it("leaves what names no system of it", () => {
    expect(dated(systems, { system: "t", date: "new" })).toEqual({ system: "t", date: "new" });
    expect(dated([], {})).toEqual({});
  });
});
