import { expect, test } from "vitest";
import { elide, wrapped } from "./shapes";

test("a long name keeps both ends, and whole signs", () => {
  expect(elide("short", 10)).toBe("short");
  const told = elide("abcdefghij", 5);
  expect([...told]).toHaveLength(5);
  expect(told.startsWith("ab") && told.endsWith("ij")).toBe(true);
  expect([...elide("🧭".repeat(9), 4)]).toHaveLength(4);
});

test("labels break at spaces and slashes, into three lines at most", () => {
  expect(wrapped("Care/Harm", 15)).toEqual(["Care/ Harm"]);
  expect(wrapped("Representation & Toxicity Harms", 15)).toEqual(["Representation", "& Toxicity", "Harms"]);
  expect(wrapped("one two three four five six seven eight", 7)).toHaveLength(3);
});
