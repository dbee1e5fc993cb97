// Fields of the form.
import { useId } from "react";

export function Text({ label, value, set, list, hint, type = "text" }: { label: string; value: string; set: (value: string) => void; list?: string; hint?: string; type?: "text" | "url" }) {
  const id = useId();
  return (
    <label className="stack">
      <span>{label}</span>
      <input type={type === "url" ? "text" : type} inputMode={type === "url" ? "url" : undefined} value={value} onChange={(event) => set(event.target.value)} list={list} spellCheck={false} autoComplete="off" aria-describedby={hint === undefined ? undefined : id} />
      {hint !== undefined && <small id={id} className="quiet">{hint}</small>}
    </label>
  );
}

export function Numbered({ label, value, set, step = "1" }: { label: string; value: number | null | undefined; set: (value: number | null) => void; step?: string }) {
  return (
    <label className="stack short">
      <span>{label}</span>
      <input type="number" min="0" step={step} value={value ?? ""} onChange={(event) => set(event.target.value === "" ? null : event.target.valueAsNumber)} />
    </label>
  );
}

export function Choice({ label, value, options, set }: { label: string; value: string; options: readonly string[]; set: (value: string) => void }) {
  return (
    <label className="stack short">
      <span>{label}</span>
      <select value={value} onChange={(event) => set(event.target.value)}>{options.map((one) => <option key={one}>{one}</option>)}</select>
    </label>
  );
}
