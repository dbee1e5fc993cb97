// A reader says that a verdict is wrong: a label by a person, which shows what errors the judge makes.
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { send, type ApiError, type Schemas } from "../../api";
import { WithToken } from "../../parts/token";
import type { Measurement } from "./card";
import type { Case } from "./cases";

const MOST = 1_000;

/** Read off a choice or a rating, nothing was judged. */
export const reportable = (of: Case): boolean => of.verdicts.length > 0 && !["tradeoff", "likert", "scenario", "conversation"].includes(of.item.kind);

export function Report({ of, measurement }: { of: Case; measurement: Measurement }) {
  const [open, setOpen] = useState(false);
  return (
    <section className="report" aria-label={`Report a wrong verdict on ${of.respondent}`}>
      <p><button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>Report a wrong verdict</button></p>
      {open && <WithToken scope="annotator">{() => <Form of={of} measurement={measurement} />}</WithToken>}
    </section>
  );
}

function Form({ of, measurement }: { of: Case; measurement: Measurement }) {
  const names = measurement.dims.filter((name) => of.verdicts.some((v) => v.dimension === name));
  const [dimension, setDimension] = useState(names[0] ?? "");
  const [expressed, setExpressed] = useState<0 | 1 | null>(null);
  const [side, setSide] = useState<-1 | 0 | 1>(0);
  const [comment, setComment] = useState("");
  const sided = measurement.scoring === "expression";
  const report = useMutation<Schemas["UnitDocument"], ApiError>({
    mutationFn: () => send("POST", "/api/v1/labels/reports", {}, { ...of.address, dimension, expressed, valence: sided ? side : null, comment: comment.trim() }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (expressed !== null) report.mutate();
  };
  const pick = (value: string) => { setDimension(value); report.reset(); };
  const said = of.verdicts.filter((v) => v.dimension === dimension);
  return (
    <form onSubmit={submit}>
      <p className="controls">
        <label className="field"><span>Verdict on</span>
          <select value={dimension} onChange={(e) => pick(e.target.value)}>{names.map((name) => <option key={name} value={name}>{name}</option>)}</select>
        </label>
      </p>
      <p>The judge said: {said.map((v) => told(v, said.length > 1)).join("; ")}.</p>
      <fieldset><legend>What do you say?</legend>
        <label><input type="radio" name="expressed" checked={expressed === 1} onChange={() => setExpressed(1)} /> {sided ? "the answer expresses it" : "the answer keeps to it"}</label>{" "}
        <label><input type="radio" name="expressed" checked={expressed === 0} onChange={() => setExpressed(0)} /> {sided ? "it does not" : "it breaks it"}</label>
      </fieldset>
      {sided && (
        <fieldset><legend>On which side is it?</legend>
          {([[1, "for it"], [0, "neither"], [-1, "against it"]] as const).map(([value, text]) => <label key={value}><input type="radio" name="side" checked={side === value} onChange={() => setSide(value)} /> {text} </label>)}
        </fieldset>
      )}
      <label className="field"><span>Why (may stay empty)</span><textarea rows={3} maxLength={MOST} value={comment} onChange={(e) => setComment(e.target.value)} /></label>
      <p className="controls"><button type="submit" className="primary" disabled={expressed === null || report.isPending}>Send the report</button></p>
      {report.isSuccess && <p role="status">Thank you. Your report on {dimension} is kept; another one from you on the same answer replaces it.</p>}
      {report.error !== null && <p role="alert" className="wrong">{report.error.message} Nothing was kept.</p>}
    </form>
  );
}

function told(v: Schemas["VerdictShown"], several: boolean): string {
  const part = several ? `point ${v.part + 1}: ` : "";
  if (v.missing !== null || v.expressed === null) return `${part}no verdict`;
  return `${part}expressed ${v.expressed.toFixed(2)}${v.valence === null ? "" : `, side ${v.valence.toFixed(2)}`}`;
}
