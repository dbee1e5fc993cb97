import { useMemo } from "react";
import type { Schemas } from "../../api";
import { useParam } from "../../state/url";

type Board = Schemas["BoardDocument"];
type Row = Schemas["BoardRow"];

export interface Filtered {
  keep: (row: Row) => boolean;
  developers: string[];
  years: string[];
  openness: string[];
  both: boolean;
}

/** Filters of the address, and what there is to filter by. */
export function useFilters(board: Board): Filtered {
  const [find] = useParam("find");
  const [developer] = useParam("developer");
  const [open] = useParam("open");
  const [since] = useParam("since");
  const [kind] = useParam("kind");
  return useMemo(() => {
    const all = (key: string) => [...new Set(board.rows.map((r) => r.about[key]).filter((v) => v !== undefined))].sort();
    const wanted = find.trim().toLocaleLowerCase();
    return {
      keep: (row) =>
        (wanted === "" || row.respondent.toLocaleLowerCase().includes(wanted)) &&
        (developer === "" || row.about.developer === developer) &&
        (open === "" || row.about.openness === open) &&
        (since === "" || (row.about.release ?? "") >= since) &&
        (kind === "" || row.simulated === (kind === "simulated")),
      developers: all("developer"),
      openness: all("openness"),
      years: [...new Set(all("release").map((d) => d.slice(0, 4)))].filter((y) => /^\d{4}$/.test(y)),
      both: new Set(board.rows.map((r) => r.simulated)).size > 1,
    };
  }, [board, find, developer, open, since, kind]);
}

export function Filters({ board, filters }: { board: Board; filters: Filtered }) {
  const [find, setFind] = useParam("find");
  return (
    <div className="controls" role="search" aria-label="Filter respondents">
      {board.rows.length > 5 && (
        <label className="field"><span>Name</span><input type="search" value={find} onChange={(e) => setFind(e.target.value, true)} /></label>
      )}
      <Choice name="developer" label="Developer" options={filters.developers} />
      <Choice name="open" label="Weights" options={filters.openness} />
      <Choice name="since" label="Released since" options={filters.years} />
      {filters.both && <Choice name="kind" label="Show" options={["real", "simulated"]} all="real and simulated" />}
    </div>
  );
}

function Choice({ name, label, options, all = "all" }: { name: string; label: string; options: string[]; all?: string }) {
  const [value, set] = useParam(name);
  if (options.length < 2) return null;
  return (
    <label className="field">
      <span>{label}</span>
      <select value={value} onChange={(e) => set(e.target.value)}>
        <option value="">{all}</option>
        {options.map((one) => <option key={one}>{one}</option>)}
      </select>
    </label>
  );
}
