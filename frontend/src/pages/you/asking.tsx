import { useEffect, useRef } from "react";
import type { Schemas } from "../../api";
import { open, type Answers } from "./scores";

const WORDS = ["not like me at all", "not like me", "a little like me", "somewhat like me", "like me", "very much like me"];

interface Props {
  asked: Schemas["QuestionnaireDocument"];
  answers: Answers;
  at: number;
  move: (answers: Answers, at: number) => void;
  leave: () => void;
}

/** One statement at a time; a key from 1 to 6 answers it and goes on. */
export function Asking({ asked, answers, at, move, leave }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  const item = asked.items[at]!;
  const choices = Array.from({ length: asked.high - asked.low + 1 }, (_, i) => asked.low + i);
  const put = (value: number) => {
    const next = { ...answers, [item.id]: value };
    // after going back, on to the next one; at the end, to whatever is still open
    move(next, at + 1 < asked.items.length ? at + 1 : open(asked, next));
  };
  const latest = useRef(put);
  latest.current = put;
  useEffect(() => heading.current?.focus({ preventScroll: true }), [at]);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      const value = Number(event.key);
      if (event.key.trim() !== "" && choices.includes(value)) latest.current(value);
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  });
  return (
    <section className="asking" aria-label="Questionnaire">
      <p className="quiet" id="progress">Statement {at + 1} of {asked.items.length}</p>
      <progress value={Object.keys(answers).length} max={asked.items.length} aria-labelledby="progress" />
      <h2 ref={heading} tabIndex={-1} id="statement">{item.text}</h2>
      <div className="scale" role="group" aria-label={`How much is this like you? ${item.text}`}>
        {choices.map((value, i) => (
          <button key={value} type="button" aria-pressed={answers[item.id] === value} onClick={() => put(value)}>
            <b>{value}</b> {choices.length === WORDS.length ? WORDS[i] : i === 0 ? WORDS[0] : i === choices.length - 1 ? WORDS.at(-1) : ""}
          </button>
        ))}
      </div>
      <div className="controls">
        <button type="button" disabled={at === 0} onClick={() => move(answers, at - 1)}>Back</button>
        {answers[item.id] !== undefined && at + 1 < asked.items.length && <button type="button" onClick={() => move(answers, at + 1)}>Keep and go on</button>}
        <button type="button" className="plain" onClick={leave}>Stop and delete my answers</button>
      </div>
    </section>
  );
}
