// One row after the other, with single keys; what is given is stored before the next is shown.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { send, type ApiError, type Schemas } from "../../api";
import { count } from "../../parts/numbers";
import { Shown } from "../../parts/states";
import { href, useParam } from "../../state/url";
import { following, KEYS, SIDES, words, type Label } from "./keys";

type Units = Schemas["Units"];
type Unit = Schemas["UnitDocument"];

export function Session({ id }: { id: string }) {
  const units = useQuery<Units, ApiError>({ queryKey: ["units", id], queryFn: () => send<Units>("GET", "/api/v1/labels/rounds/{round}/units", { round: id }), staleTime: Infinity, gcTime: 0 });
  return <Shown of={units} what="Loading rows">{(found) => <Rows all={found} />}</Shown>;
}

function Rows({ all }: { all: Units }) {
  const client = useQueryClient();
  const [given, setGiven] = useState<Record<string, Label>>(() => Object.fromEntries(all.units.filter((u) => u.mine !== null).map((u) => [u.id, u.mine!])));
  const has = useCallback((n: number) => given[all.units[n]!.id] !== undefined, [all, given]);
  const [row, setRow] = useParam("row");
  const place = row === "" ? following(0, all.units.length, has) : Math.min(Math.max(0, Number.parseInt(row, 10) - 1 || 0), all.units.length);
  const go = useCallback((n: number) => setRow(String(n + 1)), [setRow]);
  const unit = all.units[place];
  const keep = useMutation<Schemas["RoundDocument"], ApiError, { unit: Unit; label: Label }>({
    mutationFn: ({ unit, label }) => send("PUT", "/api/v1/labels/rounds/{round}/units/{unit}", { round: all.round.id, unit: unit.id }, label),
    onSuccess: (_, { unit, label }) => {
      void client.invalidateQueries({ queryKey: ["rounds"] });
      setGiven((before) => ({ ...before, [unit.id]: label }));
      go(following(place + 1, all.units.length, (n) => n === place || has(n)));
    },
  });
  const done = Object.keys(given).length;
  return (
    <>
      <label className="far"><progress max={all.units.length} value={done} /> <span>{count(done)} of {count(all.units.length)} {all.round.step === "decide" ? "decided" : "labelled"}</span></label>
      {keep.error !== null && <p role="alert" className="wrong">{keep.error.message} The row is not labelled.</p>}
      {unit === undefined ? (
        <End left={all.units.length - done} first={following(0, all.units.length, has)} go={go} />
      ) : (
        <One key={unit.id} all={all} unit={unit} at={place} mine={given[unit.id]} busy={keep.isPending && keep.variables.unit.id === unit.id} keep={(label) => keep.mutate({ unit, label })} skip={() => go(following(place + 1, all.units.length, has))} back={place > 0 ? () => go(place - 1) : null} />
      )}
    </>
  );
}

function End({ left, first, go }: { left: number; first: number; go: (n: number) => void }) {
  return (
    <section aria-live="polite">
      <h2>{left === 0 ? "All rows have a label" : `${count(left)} rows were skipped`}</h2>
      <p>{left === 0 ? "Thank you. You can go back and change labels until the others are through." : "In the end each row needs a label, the unclear ones too: else a judge looks better than it is."}</p>
      <p className="controls">
        {left > 0 && <button type="button" className="primary" onClick={() => go(first)}>Go to the first of them</button>}
        <a className="button" href={href("/label")}>All rounds</a>
      </p>
    </section>
  );
}

interface OneProps {
  all: Units;
  unit: Unit;
  at: number;
  mine: Label | undefined;
  busy: boolean;
  keep: (label: Label) => void;
  skip: () => void;
  back: (() => void) | null;
}

function One({ all, unit, at, mine, busy, keep, skip, back }: OneProps) {
  const [expressed, setExpressed] = useState<0 | 1 | null>(null);
  const [help, setHelp] = useState(false);
  const head = useRef<HTMLHeadingElement>(null);
  const { wording } = all;
  const sides = wording.ask_side !== null;
  const dimension = all.dimensions.find((d) => d.name === unit.dimension);
  const say = (value: 0 | 1) => (sides ? setExpressed(value) : keep({ expressed: value, valence: null }));
  const goBack = expressed !== null ? () => setExpressed(null) : back;
  const press = (key: string): boolean => {
    if (key === "?") setHelp(!help);
    else if (busy) return false;
    else if (key === "s") skip();
    else if (key === "b") goBack?.();
    else if (expressed === null && (key === "y" || key === "n")) say(key === "y" ? 1 : 0);
    else if (expressed !== null && key in SIDES) keep({ expressed, valence: SIDES[key]! });
    else return false;
    return true;
  };
  const pressed = useRef(press);
  pressed.current = press;
  useEffect(() => {
    const hear = (event: KeyboardEvent) => {
      const field = event.target instanceof Element && event.target.closest("input, textarea, select") !== null;
      if (!field && !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat && pressed.current(event.key.toLowerCase())) event.preventDefault();
    };
    window.addEventListener("keydown", hear);
    return () => window.removeEventListener("keydown", hear);
  }, []);
  // who listens to the page is taken to the new row, and to the second question
  useEffect(() => head.current?.focus(), [expressed]);
  const ask = (expressed === null ? wording.ask : wording.ask_side ?? "").replace("{name}", unit.dimension);
  return (
    <article className="unit">
      <p className="quiet">Row {count(at + 1)} of {count(all.units.length)}{mine !== undefined && `; you said: ${words(mine, wording)}`}</p>
      <h2 ref={head} tabIndex={-1}>{ask}</h2>
      {unit.both !== null && (
        <p className="both">One says: {words(unit.both[0], wording)}. The other says: {words(unit.both[1], wording)}.</p>
      )}
      <div className="answers" role="group" aria-label={ask}>
        {expressed === null ? (
          <>
            <Key name="y" label={wording.yes} press={press} busy={busy} />
            <Key name="n" label={wording.no} press={press} busy={busy} />
          </>
        ) : (
          Object.keys(SIDES).map((key) => <Key key={key} name={key} label={KEYS[key]!} press={press} busy={busy} />)
        )}
        <Key name="s" label="skip" press={press} busy={busy} quiet />
        {goBack !== null && <Key name="b" label="back" press={press} busy={busy} quiet />}
        <Key name="?" label={help ? "hide help" : "help"} press={press} busy={false} quiet />
      </div>
      {help && (
        <div className="help">
          {dimension !== undefined && <p><b>{dimension.name}</b>: {dimension.definition} High: {dimension.high}. Low: {dimension.low}.</p>}
          <pre>{wording.means.replaceAll("{name}", unit.dimension)}</pre>
        </div>
      )}
      {unit.principle !== null && <><h3>Principle</h3><p className="text"><bdi>{unit.principle}</bdi></p></>}
      <h3>{wording.given}</h3>
      <p className="text"><bdi>{unit.item}</bdi></p>
      <h3>{wording.response}</h3>
      <p className="text"><bdi>{unit.judged}</bdi></p>
      {unit.beyond !== "" && <details><summary>What stands after the points asked for; it does not count</summary><p className="text beyond"><bdi>{unit.beyond}</bdi></p></details>}
    </article>
  );
}

function Key({ name, label, press, busy, quiet = false }: { name: string; label: string; press: (key: string) => boolean; busy: boolean; quiet?: boolean }) {
  return <button type="button" className={quiet ? "quiet-key" : undefined} disabled={busy} aria-keyshortcuts={name} onClick={() => press(name)}><kbd>{name}</kbd> {label}</button>;
}
