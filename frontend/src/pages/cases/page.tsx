// Cases: search in what was asked, answered and judged.
import { useEffect, useRef } from "react";
import { isStatic, useDocument, type Schemas } from "../../api";
import { count } from "../../parts/numbers";
import { Failure, Shown, Unmeasured, Waiting } from "../../parts/states";
import { DatePicker, SystemTabs, useSystem, type SystemAbout } from "../../parts/systems";
import { change, useParam } from "../../state/url";
import { ItemCard, Legend } from "./card";
import { byItem } from "./cases";
import { CaseFilters } from "./filters";
import { SampleList } from "./sample";
import "../../style/cases.css";

type Found = Schemas["CasesDocument"];
const FILTERS = ["q", "respondent", "dimension", "low", "high", "side", "outcome", "kind", "language", "order", "cursor", "date"] as const;

export default function CasesPage() {
  const meta = useDocument("/api/v1/meta");
  return <Shown of={meta}>{(found) => <Chosen systems={found.systems} />}</Shown>;
}

function Chosen({ systems }: { systems: readonly SystemAbout[] }) {
  // tables that somebody published have no cases
  const own = systems.flatMap((s) => {
    const measured = s.measurements.filter((m) => m.kind === "measured");
    return measured.length > 0 ? [{ ...s, measurements: measured }] : [];
  });
  const system = useSystem(own);
  if (system === undefined) {
    return <Unmeasured page="Cases" then="Measure a model, and everything it was asked and answered stands here. Tables that somebody published have scores alone." />;
  }
  return (
    <>
      <p className="eyebrow">Cases</p>
      <h1>What was asked, answered and judged</h1>
      <p className="lead">Every score rests on answers like these. {isStatic ? "Here is a sample of them, each to be read whole with what the judge found." : "Search them, filter them by what the judge found, and read each one whole."}</p>
      {own.length > 1 && <SystemTabs systems={own} chosen={system} />}
      <div className="controls"><DatePicker system={system} /></div>
      {isStatic ? <SampleList system={system} /> : <Search system={system} />}
    </>
  );
}

function Search({ system }: { system: SystemAbout }) {
  const params = Object.fromEntries(FILTERS.map((name) => [name, useParam(name)[0]]));
  const found = useDocument("/api/v1/cases/{system}", { system: system.id, ...params });
  const last = useRef<Found>(undefined);
  if (found.data !== undefined) last.current = found.data;
  const { refetch } = found;
  const indexing = found.data?.indexing ?? null;
  useEffect(() => {
    if (indexing === null) return;
    const later = setTimeout(() => void refetch(), 1_000);
    return () => clearTimeout(later);
  }, [indexing, refetch]);
  return (
    <>
      <CaseFilters found={found.data ?? last.current} />
      {found.error !== null ? <Failure title="This search failed" message={found.error.message} />
        : found.data === undefined ? <Waiting what="Searching" />
        : indexing !== null ? <Indexing {...indexing} />
        : <Results found={found.data} words={params.q ?? ""} />}
    </>
  );
}

function Indexing({ done, total }: Schemas["CaseIndexing"]) {
  return (
    <div className="waiting" role="status">
      <p>The cases of this measurement are indexed for search. This happens once.</p>
      <p><progress max={total || undefined} value={total ? done : undefined} aria-label="Cases indexed" /> {total > 0 && `${count(done)} of ${count(total)}`}</p>
    </div>
  );
}

function Results({ found, words }: { found: Found; words: string }) {
  const [cursor] = useParam("cursor");
  if (found.total === 0) {
    return <Failure title="No case is like this" message="Take a word or a filter away. All words must be in the item or in the answer." />;
  }
  return (
    <section aria-label="Cases found">
      <p role="status"><b>{count(found.total)}</b> {found.total === 1 ? "case" : "cases"}, judged by <bdi>{found.measurement.judge}</bdi>, {found.measurement.date}</p>
      <Legend words={found.wanted.length > 0} />
      <ol className="cases">
        {byItem(found.cases).map((own) => <ItemCard key={JSON.stringify(own[0]!.address)} cases={own} measurement={found.measurement} words={words} />)}
      </ol>
      <nav className="controls" aria-label="Pages of cases">
        {cursor !== "" && <button type="button" onClick={() => { change({ cursor: null }); window.scrollTo(0, 0); }}>First page</button>}
        {found.cursor !== null && <button type="button" onClick={() => { change({ cursor: found.cursor }); window.scrollTo(0, 0); }}>Next {found.cases.length} cases</button>}
      </nav>
    </section>
  );
}
