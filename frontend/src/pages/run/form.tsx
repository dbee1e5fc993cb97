// The form of a run: its state is the draft in the address.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useId, useState, type FormEvent } from "react";
import { send, type ApiError, type Schemas } from "../../api";
import { Shown } from "../../parts/states";
import { go, place } from "../../state/url";
import { EMPTY, sent, useDraft, type Draft, type EvolveSpec, type RunSpec } from "./draft";
import { Choice, Numbered, Text } from "./fields";
import { People } from "./people";
import { PriceTable } from "./price";

type Choices = Schemas["Choices"];
const MODES = ["one-call", "per-value", "concepts"];

export function Form() {
  const choices = useQuery<Choices, ApiError>({ queryKey: ["choices"], queryFn: () => send<Choices>("GET", "/api/v1/jobs/choices") });
  return <Shown of={choices} what="Loading what can be run">{(found) => <Filled choices={found} />}</Shown>;
}

function Filled({ choices }: { choices: Choices }) {
  const [draft, setDraft] = useDraft();
  const [priced, setPriced] = useState<{ of: string; price: Schemas["Price"] } | null>(null);
  const client = useQueryClient();
  const body = sent(draft);
  const text = JSON.stringify(body);
  const price = useMutation<Schemas["Price"], ApiError>({
    mutationFn: () => send("POST", "/api/v1/jobs/price", {}, body),
    onSuccess: (found) => setPriced({ of: text, price: found }),
  });
  const start = useMutation<Schemas["JobDocument"], ApiError>({
    mutationFn: () => send("POST", "/api/v1/jobs", {}, body),
    onSuccess: (job) => {
      void client.invalidateQueries({ queryKey: ["jobs"] });
      go(place("/run", { job: job.id }));
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    price.mutate();
  };
  const models = useId();
  const wrong = price.error ?? start.error;
  return (
    <form className="run-form" onSubmit={submit} aria-label="What to run">
      <div className="tabs" role="group" aria-label="Kind of run">
        <button type="button" aria-pressed={draft.kind === "run"} onClick={() => draft.kind !== "run" && setDraft(EMPTY.run)}>Measure models</button>
        <button type="button" aria-pressed={draft.kind === "evolve"} onClick={() => draft.kind !== "evolve" && setDraft(EMPTY.evolve)}>Let items evolve</button>
      </div>
      <datalist id={models}>{choices.models.map((m) => <option key={m.model} value={m.model}>{m.developer ?? "runs on the server, free"}</option>)}</datalist>
      {draft.kind === "run" ? <OfRun draft={draft} set={setDraft} choices={choices} models={models} /> : <OfEvolve draft={draft} set={setDraft} choices={choices} models={models} />}
      <Budget draft={draft} set={setDraft} />
      <p className="controls">
        <button type="submit" disabled={price.isPending}>{price.isPending ? "Working out the price …" : "What would it cost?"}</button>
        <button type="button" className="primary" disabled={start.isPending} onClick={() => start.mutate()}>{start.isPending ? "Starting …" : "Start"}</button>
      </p>
      {wrong !== null && <p role="alert" className="wrong">{wrong.message}</p>}
      {priced !== null && (priced.of === text ? <PriceTable price={priced.price} /> : <p className="quiet" role="status">The form has changed since the price was worked out.</p>)}
    </form>
  );
}

interface Part<T extends Draft> {
  draft: T;
  set: (draft: Draft) => void;
  choices: Choices;
  models: string;
}

function OfRun({ draft, set, choices, models }: Part<RunSpec>) {
  return (
    <>
      <People title="Models that answer" of={draft.respondents} set={(respondents) => set({ ...draft, respondents })} models={models} endpoints={choices.allow_private ? "Any address that the server reaches." : "An https address in the open internet."} />
      <Systems draft={draft} set={set} choices={choices} models={models} />
      <fieldset className="row">
        <legend>How</legend>
        <Choice label="Form" value={draft.form ?? "short"} options={choices.forms} set={(form) => set({ ...draft, form: form as RunSpec["form"] })} />
        <Text label="Judge" value={draft.judge ?? ""} set={(judge) => set({ ...draft, judge })} list={models} hint="local is free and weak; a model's name; several with commas are a panel" />
        <Choice label="Judge's way" value={draft.judge_mode ?? "one-call"} options={MODES} set={(mode) => set({ ...draft, judge_mode: mode as RunSpec["judge_mode"] })} />
        {(draft.judge ?? "").includes(",") && <Text label="Where the panel disagrees" value={draft.strong_judge ?? ""} set={(strong_judge) => set({ ...draft, strong_judge })} list={models} />}
        <Text label="Occasion" value={draft.occasion ?? ""} set={(occasion) => set({ ...draft, occasion })} hint="a name such as 2027-01 asks everything anew" />
      </fieldset>
    </>
  );
}

function OfEvolve({ draft, set, choices, models }: Part<EvolveSpec>) {
  return (
    <>
      <People title="Models that answer" of={draft.pool} set={(pool) => set({ ...draft, pool })} models={models} endpoints="" />
      <People title="Models that write" none="Those that answer write the items, too." of={draft.explorers ?? []} set={(explorers) => set({ ...draft, explorers } as Draft)} models={models} endpoints="" />
      <Systems draft={draft} set={set} choices={choices} models={models} />
      <fieldset className="row">
        <legend>How</legend>
        <Choice label="Items" value={draft.items ?? "question"} options={["question", "tradeoff"]} set={(items) => set({ ...draft, items: items as EvolveSpec["items"] })} />
        <Choice label="Language" value={draft.language ?? "en"} options={["en", "es", "zh"]} set={(language) => set({ ...draft, language: language as EvolveSpec["language"] })} />
        <Text label="Judge" value={draft.judge ?? ""} set={(judge) => set({ ...draft, judge })} list={models} hint="local is free and weak; or a model's name" />
        <Choice label="Settings" value={draft.preset ?? "ours"} options={["ours", "paper"]} set={(preset) => set({ ...draft, preset: preset as EvolveSpec["preset"] })} />
        <Text label="Safety" value={draft.safety ?? "local"} set={(safety) => set({ ...draft, safety })} list={models} hint="local, none, or a model that looks for harm" />
        <Numbered label="Items kept at most" value={draft.keep} set={(keep) => set({ ...draft, keep })} />
        <Numbered label="Seed" value={draft.seed} set={(seed) => set({ ...draft, seed })} />
      </fieldset>
    </>
  );
}

function Systems({ draft, set, choices }: Part<Draft>) {
  const chosen = draft.systems ?? [];
  const turn = (id: string) => set({ ...draft, systems: chosen.includes(id) ? chosen.filter((s) => s !== id) : choices.systems.map((s) => s.id).filter((s) => s === id || chosen.includes(s)) } as Draft);
  return (
    <fieldset className="row">
      <legend>Value systems</legend>
      {choices.systems.map((s) => (
        <label key={s.id} className="tick"><input type="checkbox" checked={chosen.includes(s.id)} onChange={() => turn(s.id)} /> {s.name}</label>
      ))}
    </fieldset>
  );
}

function Budget({ draft, set }: { draft: Draft; set: (draft: Draft) => void }) {
  const budget = draft.budget ?? {};
  const part = (name: "calls" | "tokens" | "usd") => (value: number | null) => set({ ...draft, budget: { ...budget, [name]: value } });
  return (
    <fieldset className="row">
      <legend>Stop before more than</legend>
      <Numbered label="requests" value={budget.calls} set={part("calls")} />
      <Numbered label="tokens" value={budget.tokens} set={part("tokens")} />
      <Numbered label="US dollars" value={budget.usd} set={part("usd")} step="any" />
      <p className="quiet">Empty: no limit{draft.kind === "evolve" ? ", but an evolving run needs a number of requests" : ""}. A run that stops here goes on with a higher limit.</p>
    </fieldset>
  );
}
