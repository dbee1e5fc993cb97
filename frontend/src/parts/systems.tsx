// Which value system and which date: the two choices that nearly every page begins with.
import type { Schemas } from "../api";
import { change, useParam } from "../state/url";

export type SystemAbout = Schemas["SystemAbout"];

/** The chosen system: of the address, else the first. */
export function useSystem(systems: readonly SystemAbout[]): SystemAbout | undefined {
  const [id] = useParam("system");
  return systems.find((s) => s.id === id) ?? systems[0];
}

export function SystemTabs({ systems, chosen }: { systems: readonly SystemAbout[]; chosen: SystemAbout }) {
  return (
    <div className="tabs" role="group" aria-label="Value system">
      {systems.map((s) => (
        <button key={s.id} type="button" aria-pressed={s.id === chosen.id} onClick={() => change({ system: s.id, date: null, weights: null, dims: null, sort: null })}>{s.name}</button>
      ))}
    </div>
  );
}

/** Days on which the system was measured, newest first. */
export function DatePicker({ system }: { system: SystemAbout }) {
  const [date, setDate] = useParam("date");
  const one = system.measurements.find((m) => m.id === date);
  const days = [...new Map(system.measurements.map((m) => [m.date, m])).values()];
  if (days.length < 2) return <p className="field"><span>{days[0]?.kind === "published" ? "Published" : "Measured"}</span> {days[0]?.date}</p>;
  return (
    <label className="field">
      <span>Date</span>
      <select value={date} onChange={(event) => setDate(event.target.value)}>
        <option value="">{`newest (${days[0]!.date})`}</option>
        {one !== undefined && <option value={one.id}>{`${one.date}, measurement ${one.id}`}</option>}
        {days.slice(1).map((m) => <option key={m.id} value={m.date}>{m.date}{m.kind === "published" ? " (published table)" : ""}</option>)}
      </select>
    </label>
  );
}
