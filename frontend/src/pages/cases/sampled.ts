// The sample of cases in an export: which lines pass, and a case as a server would send it.
import type { Schemas } from "../../api";
import type { Case } from "./cases";

export type Sample = Schemas["SampleDocument"];
export type Line = Schemas["SampleLine"];
export interface Filters { q: string; respondent: string; dimension: string; outcome: string; item: string }

/** Lines that pass every filter; words must all stand in the beginning of item or answer. */
export function passing(sample: Sample, { q, respondent, dimension, outcome, item }: Filters): Line[] {
  const { dims, respondents } = sample.measurement;
  const words = q.toLowerCase().split(/\s+/).filter((w) => w !== "");
  return (sample.lines ?? []).filter((line) => {
    if (respondent !== "" && respondents[line.position]?.name !== respondent) return false;
    if (dimension !== "" && !(line.dims ?? []).some((d) => dims[d] === dimension)) return false;
    if (item !== "" && line.item !== item) return false;
    if (outcome !== "" && (line.outcome ?? "answer") !== outcome) return false;
    const text = `${line.asked} ${line.said ?? ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** Write out what is usual and was left out. */
export function whole(of: Schemas["SampledDocument"], one: Schemas["SampledCase"]): Case {
  const { measurement, position } = of;
  const who = measurement.respondents[position]!;
  const how = one.how ?? null;
  const asking = how === null ? undefined : (of.askings ?? [])[how.asking ?? 0];
  const nothing = { part: 0, expressed: null, valence: null, confidence: null, start: null, end: null, missing: null, votes: null, note: null };
  const marked = (text: string) => ({ text, marks: [] });
  return {
    address: { measurement: measurement.id, position, item: one.item, presentation: one.presentation ?? 0, repeat: one.repeat ?? 0 },
    respondent: who.name,
    simulated: who.simulated,
    item: {
      id: one.item, kind: one.kind ?? "question", language: one.language ?? "en", topic: one.topic ?? null, dimensions: one.dimensions,
      text: marked(one.text), principle: one.principle == null ? null : marked(one.principle), scale: one.scale ?? null,
      sides: (one.sides ?? []).map((side) => ({ dimension: side.dimension, text: marked(side.text) })), turns: (one.turns ?? []).map(marked),
    },
    response: marked(one.response ?? ""),
    outcome: one.outcome ?? "answer",
    reading: one.reading ?? null,
    verdicts: [
      ...(one.verdicts ?? []).map((v) => ({ ...nothing, ...v })),
      ...(one.absent ?? []).map((d) => ({ ...nothing, dimension: measurement.dims[d]!, expressed: 0 })),
    ],
    unjudged: one.unjudged ?? false,
    judge: measurement.judge,
    asked: how === null || asking === undefined ? null : {
      model: asking.model, system_prompt: asking.system_prompt ?? null, parameters: asking.parameters ?? {}, stop_reason: asking.stop_reason ?? "", version: asking.version ?? "",
      prompt: how.prompt ?? one.text, input_tokens: how.input_tokens, output_tokens: how.output_tokens, usd: how.usd ?? null, seconds: how.seconds ?? 0, created: how.created,
    },
  };
}
