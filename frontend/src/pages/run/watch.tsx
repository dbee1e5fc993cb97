// One run, live: how far it is, what it said, and how to stop or take it up again.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { send, type ApiError, type Schemas } from "../../api";
import { count, number } from "../../parts/numbers";
import { Shown } from "../../parts/states";
import { at, lasted } from "../../parts/when";
import { listen } from "../../state/stream";
import { href, place } from "../../state/url";
import { atWork, far, progressOf, resumable, STATES, title, type Job } from "./about";
import { Numbered } from "./fields";
import { dollars } from "./price";

interface Said {
  number: number;
  created: string;
  event: string;
  text?: string;
  state?: Job["state"];
  message?: string | null;
  system?: string;
  id?: string;
}

export function Watched({ id }: { id: string }) {
  const client = useQueryClient();
  const key = ["job", id];
  const job = useQuery<Job, ApiError>({ queryKey: key, queryFn: () => send<Job>("GET", "/api/v1/jobs/{job}", { job: id }), staleTime: 0 });
  const [said, setSaid] = useState<Said[]>([]);
  const [broken, setBroken] = useState<string | null>(null);
  const live = job.data !== undefined && atWork(job.data);
  const known = job.data !== undefined;
  useEffect(() => {
    if (!known) return;
    // an ended run says all it said, and then its stream ends
    return listen("/api/v1/jobs/{job}/events", { job: id }, ({ type, data }) => {
      if (type === "job") client.setQueryData(["job", id], data);
      else if (type === "event") setSaid((before) => (before.some((s) => s.number === (data as Said).number) ? before : [...before, data as Said]));
    }, setBroken);
  }, [client, id, known, live]);
  useEffect(() => {
    // what it made is not on the pages that were loaded before
    if (known && !live) void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "job" });
  }, [client, known, live]);
  return (
    <Shown of={job} what="Loading the run">
      {(found) => (
        <>
          <Head job={found} />
          {broken !== null && <p role="status" className="quiet">{broken}</p>}
          <Actions job={found} />
          <Far job={found} />
          <Made job={found} />
          <Log said={said} />
          <section>
            <details><summary>What was asked for</summary><pre>{JSON.stringify(found.spec, null, 2)}</pre></details>
            <p><a href={href(place("/run", { draft: JSON.stringify(found.spec) }))}>Begin another like this</a></p>
          </section>
        </>
      )}
    </Shown>
  );
}

function Head({ job }: { job: Job }) {
  return (
    <header className="job-head">
      <h1><bdi>{title(job)}</bdi></h1>
      <p aria-live="polite"><span className={`state ${job.state}`}>{STATES[job.state]}</span> {job.message}</p>
      <p className="quiet">
        By <bdi>{job.by}</bdi>. {job.started === null ? `Asked for ${at(job.created)}.` : `Begun ${at(job.started)}; ${job.finished === null ? "so far" : "took"} ${lasted(job.started, job.finished)}.`}
        {atWork(job) && job.heartbeat !== null && ` Last sign of life ${at(job.heartbeat)}.`}
      </p>
    </header>
  );
}

function Actions({ job }: { job: Job }) {
  const client = useQueryClient();
  const budget = (job.spec["budget"] ?? {}) as Schemas["BudgetSpec"];
  const [limits, setLimits] = useState(budget);
  const done = { onSuccess: (found: Job) => client.setQueryData(["job", job.id], found) };
  const stop = useMutation<Job, ApiError>({ mutationFn: () => send<Job>("POST", "/api/v1/jobs/{job}/stop", { job: job.id }), ...done });
  const again = useMutation<Job, ApiError>({ mutationFn: () => send<Job>("POST", "/api/v1/jobs/{job}/resume", { job: job.id }, { budget: limits }), ...done });
  const wrong = stop.error ?? again.error;
  return (
    <>
      <div className="controls">
        {(job.state === "queued" || job.state === "running") && <button type="button" disabled={stop.isPending} onClick={() => stop.mutate()}>Stop</button>}
        {resumable(job) && (
          <>
            <button type="button" className="primary" disabled={again.isPending} onClick={() => again.mutate()}>Resume</button>
            <fieldset className="row limits" aria-label="Stop before more than">
              <Numbered label="requests" value={limits.calls} set={(calls) => setLimits({ ...limits, calls })} />
              <Numbered label="tokens" value={limits.tokens} set={(tokens) => setLimits({ ...limits, tokens })} />
              <Numbered label="US dollars" value={limits.usd} set={(usd) => setLimits({ ...limits, usd })} step="any" />
            </fieldset>
          </>
        )}
      </div>
      {job.state === "stopping" && <p className="quiet">Nothing new is asked. What is in flight is stored.</p>}
      {wrong !== null && <p role="alert" className="wrong">{wrong.message}</p>}
    </>
  );
}

function Far({ job }: { job: Job }) {
  const [p, so] = [progressOf(job), far(job)];
  if (so === null) return <p className="quiet">{atWork(job) ? "It has not begun to ask." : ""}</p>;
  return (
    <section>
      <h2>How far</h2>
      <label className="far"><progress max={so.of || 1} value={so.done} /> <span>{so.words}</span></label>
      {p.spent !== undefined && <p className="quiet">Spent or reserved: {count(p.spent.calls)} requests, {count(p.spent.tokens)} tokens{p.spent.usd > 0 && `, ${dollars(p.spent.usd)}`}. What other runs had stored is not among them.</p>}
      {p.rows !== undefined && p.rows.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label="Progress by model">
          <table>
            <thead><tr><th scope="col">Model</th><th scope="col">Value system</th><th scope="col" className="number">Answers</th><th scope="col"><span className="unseen">Share</span></th></tr></thead>
            <tbody>
              {p.rows.map((row) => (
                <tr key={`${row.system} ${row.respondent}`}>
                  <th scope="row"><bdi>{row.respondent}</bdi></th><td>{row.system}</td>
                  <td className="number">{count(row.done)} of {count(row.total)}</td>
                  <td><progress max={row.total || 1} value={row.done} aria-label={`${row.respondent}, ${row.system}`} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Counts title="Outcomes" of={p.outcomes} />
      <Counts title="Rejected" of={p.rejected} />
      {p.best_topics !== undefined && p.best_topics.length > 0 && (
        <>
          <h3>Best topics</h3>
          <ol className="topics">{p.best_topics.map((t) => <li key={t.topic}><bdi>{t.topic}</bdi> <span className="quiet">mean reward {number(t.reward, 2)}</span></li>)}</ol>
        </>
      )}
    </section>
  );
}

function Counts({ title, of }: { title: string; of: Record<string, number> | undefined }) {
  if (of === undefined || Object.keys(of).length === 0) return null;
  return <p className="quiet">{title}: {Object.entries(of).map(([name, n]) => `${count(n)} ${name}`).join(", ")}.</p>;
}

function Made({ job }: { job: Job }) {
  const made = job.result as { measurements?: { id: string; system: string }[]; evolution?: string; items?: number; replayed?: boolean } | null;
  if (made === null) return null;
  return (
    <section>
      <h2>What it made</h2>
      <ul>
        {(made.measurements ?? []).map((m) => <li key={m.id}><a href={href(place("/", { system: m.system, date: m.id }))}>The board of {m.system}</a> <span className="quiet">measurement {m.id}</span></li>)}
        {made.evolution !== undefined && <li><a href={href(place("/items", { tab: "runs", run: made.evolution }))}>{count(made.items ?? 0)} items kept</a> <span className="quiet">evolution {made.evolution}{made.replayed === true && ", finished earlier: nobody was asked"}</span></li>}
      </ul>
    </section>
  );
}

function Log({ said }: { said: readonly Said[] }) {
  const lines = said.map((s) => ({ number: s.number, created: s.created, text: words(s) })).filter((s) => s.text !== "");
  if (lines.length === 0) return null;
  return (
    <section>
      <h2>What it said</h2>
      <ol className="log" tabIndex={0} aria-label="What it said">
        {lines.map((line) => <li key={line.number}><time dateTime={line.created}>{at(line.created)}</time> {line.text}</li>)}
      </ol>
    </section>
  );
}

function words(said: Said): string {
  if (said.event === "note") return said.text ?? "";
  if (said.event === "state") return `${said.state === undefined ? "" : STATES[said.state]}${said.message == null ? "" : `: ${said.message}`}`;
  if (said.event === "measurement") return `measured ${said.system}: ${said.id}`;
  return said.event === "outlook" ? "what it takes is known; it begins to ask" : "";
}
