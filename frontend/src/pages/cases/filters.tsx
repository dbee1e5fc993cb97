import { useEffect, useState, type FormEvent } from "react";
import type { Schemas } from "../../api";
import { count } from "../../parts/numbers";
import { change, useParam } from "../../state/url";

type Found = Schemas["CasesDocument"];
const DEGREES = ["0.5", "0.7", "0.9"];
const ORDERS: Record<string, string> = { item: "item by item", respondent: "respondent by respondent", strongest: "strongest first", weakest: "weakest first" };
/** What a changed filter forgets: pages of another search. */
const ANEW = { cursor: null };

export function CaseFilters({ found }: { found: Found | undefined }) {
  const [words] = useParam("q");
  const [draft, setDraft] = useState(words);
  useEffect(() => setDraft(words), [words]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change({ q: draft.trim() || null, ...ANEW });
  };
  const facets = found?.facets;
  return (
    <form role="search" aria-label="Search cases" className="find" onSubmit={submit}>
      <p className="words">
        <label htmlFor="case-words" className="unseen">Words in items and answers</label>
        <input id="case-words" type="search" maxLength={300} value={draft} onChange={(e) => setDraft(e.target.value)} placeholder={'Words, "in a row", -without'} />
        <button type="submit" className="primary">Search</button>
      </p>
      <div className="controls">
        <Facet name="respondent" label="Respondent" counts={facets?.respondent} />
        <Facet name="dimension" label="Dimension" counts={facets?.dimension} also={(value) => ({ low: value === "" ? null : "0.5", side: null })} />
        <Choice name="low" label="Expressed at least" options={DEGREES.map((d) => [d, d.slice(1)])} all="any verdict" />
        <Choice name="side" label="Text is" options={[["supports", "for it"], ["opposes", "against it"]]} all="for or against" />
        <Facet name="outcome" label="Outcome" counts={facets?.outcome} />
        <Facet name="kind" label="Kind of item" counts={facets?.kind} />
        <Facet name="language" label="Language" counts={facets?.language} />
        <Choice name="order" label="Order" options={Object.entries(ORDERS).slice(1)} all={ORDERS.item!} />
        <button type="button" className="plain" onClick={() => change({ q: null, respondent: null, dimension: null, low: null, side: null, outcome: null, kind: null, language: null, order: null, ...ANEW })}>Clear all</button>
      </div>
    </form>
  );
}

type Counts = readonly Schemas["FacetCount"][];

function Facet({ name, label, counts, also }: { name: string; label: string; counts: Counts | undefined; also?: (value: string) => Record<string, string | null> }) {
  const [value] = useParam(name);
  const some = counts ?? [];
  if (some.length < 2 && value === "") return null;
  // a value that is chosen stays to be seen, also where nothing has it
  const options = value === "" || some.some((c) => c.value === value) ? some : [...some, { value, count: 0 }];
  return (
    <label className="field">
      <span>{label}</span>
      <select value={value} onChange={(e) => change({ [name]: e.target.value || null, ...also?.(e.target.value), ...ANEW })}>
        <option value="">all</option>
        {options.map((c) => <option key={c.value} value={c.value}>{`${c.value} (${count(c.count)})`}</option>)}
      </select>
    </label>
  );
}

function Choice({ name, label, options, all }: { name: string; label: string; options: readonly (readonly [string, string])[]; all: string }) {
  const [value] = useParam(name);
  const known = value === "" || options.some(([own]) => own === value);
  return (
    <label className="field">
      <span>{label}</span>
      <select value={value} onChange={(e) => change({ [name]: e.target.value || null, ...ANEW })}>
        <option value="">{all}</option>
        {options.map(([own, text]) => <option key={own} value={own}>{text}</option>)}
        {!known && <option value={value}>{value}</option>}
      </select>
    </label>
  );
}
