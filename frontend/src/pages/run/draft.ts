// What somebody is about to start, as the address holds it.
import { useCallback, useMemo } from "react";
import type { Schemas } from "../../api";
import { useParam } from "../../state/url";

export type Who = Partial<Schemas["RespondentSpec"]> & { model: string };
export type RunSpec = Partial<Schemas["RunSpec"]> & { kind: "run"; respondents: Who[] };
export type EvolveSpec = Partial<Schemas["EvolveSpec"]> & { kind: "evolve"; pool: Who[] };
export type Draft = RunSpec | EvolveSpec;

export const EMPTY: Record<Draft["kind"], Draft> = {
  run: { kind: "run", respondents: [{ model: "" }], systems: ["schwartz"], form: "tiny", judge: "local" },
  evolve: { kind: "evolve", pool: [{ model: "" }, { model: "" }], systems: ["schwartz"], judge: "local" },
};

const isDraft = (value: unknown): value is Draft => {
  const given = value as Partial<Record<string, unknown>> | null;
  if (typeof given !== "object" || given === null) return false;
  const who = given.kind === "run" ? given.respondents : given.kind === "evolve" ? given.pool : null;
  return Array.isArray(who) && who.every((one: unknown) => typeof (one as Partial<Who> | null)?.model === "string");
};

/** The draft of an address; what is no draft is the empty one. */
export function parsed(text: string): Draft {
  try {
    const value: unknown = JSON.parse(text);
    return isDraft(value) ? value : EMPTY.run;
  } catch {
    return EMPTY.run;
  }
}

/** A draft without what was left empty, as the server takes it; rows without a name are none. */
export function sent(draft: Draft): Draft {
  const clean = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(clean).filter((one) => !(typeof one === "object" && one !== null && !("model" in one)));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== null && v !== undefined && v !== "" && !Number.isNaN(v)).map(([k, v]) => [k, clean(v)]));
  };
  return clean(draft) as Draft;
}

export function useDraft(): [Draft, (next: Draft) => void] {
  const [text, set] = useParam("draft");
  const draft = useMemo(() => parsed(text), [text]);
  return [draft, useCallback((next: Draft) => set(JSON.stringify(next), true), [set])];
}
