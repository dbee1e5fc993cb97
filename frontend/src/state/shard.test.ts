import { describe, expect, it } from "vitest";
import fixture from "./shard.fixture.json";
import { shard, type Params } from "./shard";

describe("files of an export", () => {
  it.each(fixture.map((c) => [c.file, c] as const))("has Python's name: %s", (file, { path, params }) => {
    expect(shard(path, params as unknown as Params)).toBe(file);
  });
});
