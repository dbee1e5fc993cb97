import type { Schemas } from "../../api";
import { Person } from "../../parts/person";
import { MOST } from "../../state/compared";
import { change, useParam } from "../../state/url";

/** Whom to compare: chosen ones first, the others found by name. */
export function Picker({ board, chosen }: { board: Schemas["BoardDocument"]; chosen: readonly string[] }) {
  const [find, setFind] = useParam("find");
  const set = (names: readonly string[]) => change({ with: names, first: null, second: null });
  const wanted = find.trim().toLocaleLowerCase();
  const rows = board.rows.filter((r) => r.respondent.toLocaleLowerCase().includes(wanted));
  const row = (name: string) => board.rows.find((r) => r.respondent === name)!;
  return (
    <div className="picker">
      <ul className="chips" aria-label="Compared">
        {chosen.map((name) => (
          <li key={name}>
            <Person name={name} simulated={row(name).simulated} />
            <button type="button" className="plain no-print" onClick={() => set(chosen.filter((n) => n !== name))} aria-label={`Leave out ${name}`}>leave out</button>
          </li>
        ))}
      </ul>
      <details className="no-print" open={chosen.length < 2}>
        <summary>Choose respondents ({chosen.length} of at most {MOST})</summary>
        {board.rows.length > 8 && <label className="field"><span>Name</span><input type="search" value={find} onChange={(e) => setFind(e.target.value, true)} /></label>}
        <fieldset className="options">
          <legend className="unseen">Respondents on the board</legend>
          {rows.map((r) => {
            const on = chosen.includes(r.respondent);
            return (
              <label key={r.respondent}>
                <input type="checkbox" checked={on} disabled={!on && chosen.length >= MOST} onChange={() => set(on ? chosen.filter((n) => n !== r.respondent) : [...chosen, r.respondent])} />
                <span className="person"><bdi>{r.respondent}</bdi>{r.simulated && <span className="badge">simulated</span>}</span>
              </label>
            );
          })}
        </fieldset>
      </details>
    </div>
  );
}
