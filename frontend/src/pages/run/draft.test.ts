import { expect, test, vi } from "vitest";

vi.stubGlobal("window", { addEventListener: () => undefined, location: { hash: "" } });
vi.stubGlobal("document", { querySelector: () => null });
const { EMPTY, parsed, sent } = await import("./draft");

test("what is no draft is the empty one", () => {
  for (const text of ["", "{", "null", "[]", '{"kind":"run"}', '{"kind":"walk","respondents":[]}', '{"kind":"run","respondents":[{}]}']) {
    expect(parsed(text)).toEqual(EMPTY.run);
  }
  expect(parsed('{"kind":"evolve","pool":[{"model":"a/b"}]}').kind).toBe("evolve");
});

test("what was left empty is not sent", () => {
  const draft = parsed('{"kind":"run","respondents":[{"model":"a/b","label":"","temperature":null},{"model":""}],"systems":["schwartz"],"budget":{"usd":0,"calls":null}}');
  expect(sent(draft)).toEqual({ kind: "run", respondents: [{ model: "a/b" }], systems: ["schwartz"], budget: { usd: 0 } });
});
