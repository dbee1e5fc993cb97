// All rounds, how far they are, and what comes of them.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { address, fetched, send, useDocument, type ApiError, type Schemas } from "../../api";
import { count, number } from "../../parts/numbers";
import { save } from "../../parts/picture";
import { Shown } from "../../parts/states";
import type { Me } from "../../parts/token";
import { at } from "../../parts/when";
import { href, place } from "../../state/url";

type Round = Schemas["RoundDocument"];
const STEPS: Record<Round["step"], string> = { label: "Label", decide: "Decide where they differ", wait: "waits for others", done: "done" };

export function Rounds({ me }: { me: Me }) {
  const rounds = useQuery<Schemas["Rounds"], ApiError>({ queryKey: ["rounds"], queryFn: () => send<Schemas["Rounds"]>("GET", "/api/v1/labels/rounds"), staleTime: 0 });
  const operator = me.scope === "operator";
  return (
    <>
      <section>
        <h2>Rounds</h2>
        <Shown of={rounds} what="Loading rounds">
          {(found) => (found.rounds.length === 0 ? <p className="quiet">There is no round yet. {operator ? "Draw one below." : "An operator draws one."}</p> : <ul className="rounds">{found.rounds.map((r) => <RoundCard key={r.id} round={r} operator={operator} />)}</ul>)}
        </Shown>
      </section>
      {operator && <NewRound />}
      <Labels operator={operator} />
    </>
  );
}

function RoundCard({ round, operator }: { round: Round; operator: boolean }) {
  const client = useQueryClient();
  const close = useMutation<Round, ApiError>({ mutationFn: () => send<Round>("POST", "/api/v1/labels/rounds/{round}/close", { round: round.id }), onSuccess: () => client.invalidateQueries({ queryKey: ["rounds"] }) });
  const through = round.disputed !== null;
  return (
    <li>
      <h3>{round.system_name}, {count(round.units)} rows</h3>
      <p className="quiet">Drawn {at(round.created)} by <bdi>{round.by}</bdi> from measurement {round.measurement}, seed {round.draw["seed"]}.</p>
      <p>
        First {count(round.labelled[0])}, second {count(round.labelled[1])} of {count(round.units)} labelled{round.closed && ", closed"}.
        {through && ` They differ on ${count(round.disputed ?? 0)}; ${count(round.decided ?? 0)} of these decided.`}
        {round.role !== null && ` You are the ${round.role}.`}
      </p>
      <div className="controls">
        {round.step === "label" || round.step === "decide" ? <a className="button" href={href(place("/label", { round: round.id }))}>{STEPS[round.step]}</a> : <span className="state">{STEPS[round.step]}</span>}
        {operator && !through && <button type="button" onClick={() => close.mutate()} disabled={close.isPending}>Close it as it is</button>}
      </div>
      {close.error !== null && <p role="alert" className="wrong">{close.error.message}</p>}
      {through && <AgreementTable id={round.id} />}
    </li>
  );
}

interface Figures { n: number; agreement: Three; kappa: Three; valence: Three }
type Three = { value: number; low: number; high: number } | null;

function AgreementTable({ id }: { id: string }) {
  const [open, setOpen] = useState(false);
  const found = useQuery<Schemas["Agreement"], ApiError>({ queryKey: ["agreement", id], queryFn: () => send<Schemas["Agreement"]>("GET", "/api/v1/labels/rounds/{round}/agreement", { round: id }), enabled: open });
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>How far they agree</summary>
      {open && <Shown of={found} what="Working it out">
        {(all) => (
          <>
            <p className="quiet">{count(all.n)} rows with both labels, {count(all.single)} with one, {count(all.unlabelled)} with none. With 95 % intervals. Kappa is agreement beyond what chance gives.</p>
            {Object.entries(all.systems as Record<string, Figures & { dimensions: Record<string, Figures> }>).map(([system, of]) => (
              <div key={system} className="scroll" tabIndex={0} role="region" aria-label={`Agreement, ${system}`}>
                <table>
                  <thead><tr><th scope="col">Dimension</th><th scope="col" className="number">Rows</th><th scope="col">Same label</th><th scope="col">Kappa</th><th scope="col">Same side</th></tr></thead>
                  <tbody>
                    <tr><th scope="row">all</th><Cells of={of} /></tr>
                    {Object.entries(of.dimensions).map(([name, one]) => <tr key={name}><th scope="row">{name}</th><Cells of={one} /></tr>)}
                  </tbody>
                </table>
              </div>
            ))}
          </>
        )}
      </Shown>}
    </details>
  );
}

function Cells({ of }: { of: Figures }) {
  const words = (three: Three) => (three === null ? "not known" : `${number(three.value, 2)} (${number(three.low, 2)} to ${number(three.high, 2)})`);
  return <><td className="number">{count(of.n)}</td><td>{words(of.agreement)}</td><td>{words(of.kappa)}</td><td>{words(of.valence)}</td></>;
}

function NewRound() {
  const meta = useDocument("/api/v1/meta");
  const client = useQueryClient();
  const [draw, setDraw] = useState({ measurement: "", n: 100, seed: 0 });
  const begin = useMutation<Round, ApiError, typeof draw>({ mutationFn: (body) => send<Round>("POST", "/api/v1/labels/rounds", {}, body), onSuccess: () => client.invalidateQueries({ queryKey: ["rounds"] }) });
  const measured = (meta.data?.systems ?? []).flatMap((s) => s.measurements.filter((m) => m.kind === "measured").map((m) => ({ ...m, system: s.name })));
  const chosen = draw.measurement || measured[0]?.id || "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    begin.mutate({ ...draw, measurement: chosen });
  };
  return (
    <section>
      <h2>Draw a round</h2>
      {measured.length === 0 ? <p className="quiet">Nothing is measured here yet.</p> : (
        <form className="row" onSubmit={submit}>
          <label className="stack"><span>Measurement</span><select value={chosen} onChange={(e) => setDraw({ ...draw, measurement: e.target.value })}>{measured.map((m) => <option key={m.id} value={m.id}>{m.system}, {m.date}, {m.respondents} respondents ({m.id})</option>)}</select></label>
          <label className="stack short"><span>Rows</span><input type="number" min="1" max="2000" required value={draw.n} onChange={(e) => setDraw({ ...draw, n: e.target.valueAsNumber })} /></label>
          <label className="stack short"><span>Seed of the draw</span><input type="number" min="0" required value={draw.seed} onChange={(e) => setDraw({ ...draw, seed: e.target.valueAsNumber })} /></label>
          <p className="draw"><button type="submit" className="primary" disabled={begin.isPending}>{begin.isPending ? "Drawing …" : "Draw"}</button></p>
        </form>
      )}
      <p className="quiet">Every judged answer and dimension has the same chance, so that the labels measure the judge. A hundred rows of answers to questions are about fifty answers: half an hour of reading for each person.</p>
      {begin.error !== null && <p role="alert" className="wrong">{begin.error.message}</p>}
    </section>
  );
}

function Labels({ operator }: { operator: boolean }) {
  const [wrong, setWrong] = useState<string | null>(null);
  const download = (kind: "rounds" | "reports") => void saved(kind).then(() => setWrong(null), (error: Error) => setWrong(error.message));
  return (
    <section>
      <h2>What comes of it</h2>
      <p className="quiet">Agreed and decided labels, one JSON object a line, as <code>valuecompass judge evaluate</code> and <code>judge calibrate</code> read them. Reports of wrong verdicts were given because of the verdict: they show errors and must not be counted for how many there are, so they are a file of their own.</p>
      <div className="controls">
        <button type="button" onClick={() => download("rounds")}>Labels of rounds</button>
        {operator && <button type="button" onClick={() => download("reports")}>Reports of wrong verdicts</button>}
      </div>
      {wrong !== null && <p role="alert" className="wrong">{wrong}</p>}
      {operator && <Reports />}
    </section>
  );
}

/** A link cannot carry a token, so the file is fetched and then handed over. */
async function saved(kind: string): Promise<void> {
  save(await fetched(address("/api/v1/labels/export.jsonl", { kind })), `labels-${kind}.jsonl`);
}

function Reports() {
  const reports = useQuery<Schemas["Reports"], ApiError>({ queryKey: ["reports"], queryFn: () => send<Schemas["Reports"]>("GET", "/api/v1/labels/reports"), staleTime: 0 });
  if (reports.data === undefined || reports.data.reports.length === 0) return null;
  return (
    <details className="reports">
      <summary>{count(reports.data.reports.length)} reported verdicts</summary>
      <div className="scroll" tabIndex={0} role="region" aria-label="Reported verdicts">
        <table>
          <thead><tr><th scope="col">Answer</th><th scope="col">Dimension</th><th scope="col">The judge said</th><th scope="col">The reader says</th><th scope="col">Why</th><th scope="col">By</th></tr></thead>
          <tbody>
            {reports.data.reports.map((r) => (
              <tr key={`${r.unit} ${r.annotator}`}>
                <td className="answer"><bdi>{r.response}</bdi></td>
                <td>{r.dimension}</td>
                <td>{r.verdict.map((v) => (typeof v["expressed"] === "number" ? number(v["expressed"], 2) : "nothing")).join(", ")}</td>
                <td>{r.expressed}{r.valence !== null && `, side ${number(r.valence)}`}</td>
                <td><bdi>{r.comment ?? ""}</bdi></td>
                <td><bdi>{r.annotator}</bdi><br /><small>{at(r.created)}</small></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
