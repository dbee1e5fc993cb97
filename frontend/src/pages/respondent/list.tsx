// Everybody who has scores here.
import { useDocument, type Schemas } from "../../api";
import { count } from "../../parts/numbers";
import { personPlace } from "../../parts/person";
import { Shown, Unmeasured } from "../../parts/states";
import { href, useParam } from "../../state/url";

export default function RespondentsPage() {
  const all = useDocument("/api/v1/respondents");
  const meta = useDocument("/api/v1/meta");
  if (all.data?.respondents.length === 0) return <Unmeasured page="Respondents" then="Measure a model, and it stands here:" />;
  return (
    <>
      <h1>Respondents</h1>
      <p className="lead">A respondent is a model with its settings and, where there is one, its system prompt. Each has a page for every value system that it was measured on.</p>
      <Shown of={all} what="Loading respondents">{(found) => <Listed all={found.respondents} names={new Map(meta.data?.systems.map((s) => [s.id, s.name]))} />}</Shown>
    </>
  );
}

function Listed({ all, names }: { all: readonly Schemas["Known"][]; names: ReadonlyMap<string, string> }) {
  const [find, setFind] = useParam("find");
  const wanted = find.trim().toLocaleLowerCase();
  const shown = all.filter((r) => r.name.toLocaleLowerCase().includes(wanted));
  return (
    <>
      <div className="controls" role="search">
        <label className="field"><span>Name</span><input type="search" value={find} onChange={(e) => setFind(e.target.value, true)} /></label>
        <span className="quiet" aria-live="polite">{count(shown.length)} of {count(all.length)}</span>
      </div>
      <div className="scroll" tabIndex={0} role="region" aria-label="Respondents">
        <table>
          <caption className="unseen">Respondents and the value systems they were measured on</caption>
          <thead><tr><th scope="col">Respondent</th><th scope="col">Measured on</th></tr></thead>
          <tbody>
            {shown.map((r) => (
              <tr key={r.name}>
                <th scope="row"><span className="person"><a href={href(personPlace(r.name))}><bdi>{r.name}</bdi></a>{r.simulated && <span className="badge">simulated</span>}</span></th>
                <td>
                  <ul className="inline">
                    {r.systems.map((s) => (
                      <li key={s.system}>
                        <a href={href(personPlace(r.name, { system: s.system }))}>{names.get(s.system) ?? s.system}</a>{" "}
                        <span className="quiet">{s.date}{s.measurements > 1 && `, ${s.measurements} times`}</span>
                      </li>
                    ))}
                  </ul>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
