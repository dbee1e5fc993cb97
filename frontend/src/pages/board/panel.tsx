// Whose weights: equal, a culture's, or one's own by slider.
import type { Schemas } from "../../api";
import { percent } from "../../parts/numbers";
import type { SystemAbout } from "../../parts/systems";
import { change, useParam } from "../../state/url";
import { importance, weightsOf, written } from "./weights";

type Board = Schemas["BoardDocument"];

export function WeightPanel({ board, system, text }: { board: Board; system: SystemAbout; text: string }) {
  const [open, setOpen] = useParam("panel");
  const values = importance(text, board);
  const weights = weightsOf(text, board);
  const set = (next: number[]) => change({ weights: written(next, board.dims) || null }, true);
  const only = (names: readonly string[]) => set(board.dims.map((name) => (names.includes(name) ? 5 : 0)));
  const preset = board.presets.some((p) => p.name === text);
  const groups = system.groups.filter((g) => g.dimensions.some((d) => board.dims.includes(d)));
  return (
    <section className="weights" aria-label="Weights">
      <div className="controls">
        <label className="field">
          <span>Ranked by</span>
          <select value={text === "" || preset ? text : "own"} onChange={(e) => (e.target.value === "own" ? setOpen("open") : change({ weights: e.target.value || null }))}>
            <option value="">the mean of all dimensions</option>
            <option value="own">weights of my own</option>
            {board.presets.length > 0 && (
              <optgroup label="What a culture holds important">
                {board.presets.map((p) => <option key={p.name} value={p.name}>{p.name.replace(/^culture:/, "")}</option>)}
              </optgroup>
            )}
          </select>
        </label>
        <button type="button" aria-expanded={open === "open"} aria-controls="sliders" onClick={() => setOpen(open === "open" ? "" : "open")}>
          {open === "open" ? "Hide the sliders" : "Change the weights"}
        </button>
        {text !== "" && <button type="button" className="plain" onClick={() => change({ weights: null })}>Back to equal weights</button>}
      </div>
      {open === "open" && (
        <div id="sliders" className="sliders">
          {groups.length > 0 && (
            <p className="quiet">Only one group: {groups.map((g) => <button key={g.name} type="button" className="plain" onClick={() => only(g.dimensions)}>{g.name}</button>)}</p>
          )}
          <ul>
            {board.dims.map((name, d) => (
              <li key={name}>
                <label>
                  <span title={system.dimensions.find((x) => x.name === name)?.definition}>{name}</span>
                  <input type="range" min={0} max={10} step={0.5} value={values[d]} aria-valuetext={`${values[d]} of 10, weight ${percent(weights[d]!)}`} onChange={(e) => set(values.map((v, i) => (i === d ? Number(e.target.value) : v)))} />
                  <output>{percent(weights[d]!)}</output>
                </label>
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}
