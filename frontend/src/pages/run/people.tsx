// Who answers or writes: one row a model, with what it is told first.
import type { Who } from "./draft";
import { Numbered, Text } from "./fields";

export function People({ title, of, set, models, endpoints, none }: { title: string; of: Who[]; set: (of: Who[]) => void; models: string; endpoints: string; none?: string }) {
  const change = (at: number, changes: Partial<Who>) => set(of.map((one, i) => (i === at ? { ...one, ...changes } : one)));
  return (
    <fieldset className="people">
      <legend>{title}</legend>
      {of.length === 0 && none !== undefined && <p className="quiet">{none}</p>}
      <ul>
        {of.map((one, at) => (
          <li key={at}>
            <label className="unseen" htmlFor={`${title}-${at}`}>{`${title}: model ${at + 1}`}</label>
            <input id={`${title}-${at}`} type="text" value={one.model} list={models} placeholder="provider/model" spellCheck={false} autoComplete="off" onChange={(event) => change(at, { model: event.target.value })} />
            <button type="button" onClick={() => set(of.filter((_, i) => i !== at))} aria-label={`Remove model ${at + 1}`}>Remove</button>
            <details open={one.prime || one.system || one.label || one.base_url || one.temperature != null ? true : undefined}>
              <summary>Name, priming, sampling, address</summary>
              <div className="row">
                <Text label="Name on boards" value={one.label ?? ""} set={(label) => change(at, { label })} />
                <Text label="Primed for" value={one.prime ?? ""} set={(prime) => change(at, { prime })} hint="a dimension, such as Power" />
                <Numbered label="Temperature" value={one.temperature} set={(temperature) => change(at, { temperature })} step="0.1" />
                <Numbered label="Tokens of an answer" value={one.max_tokens} set={(max_tokens) => change(at, { max_tokens })} />
                {endpoints !== "" && <Text label="Address of a server" type="url" value={one.base_url ?? ""} set={(base_url) => change(at, { base_url })} hint={`${endpoints} Its key: VALUECOMPASS_KEY_ and the host's name.`} />}
                <label className="stack wide-field">
                  <span>System prompt</span>
                  <textarea rows={2} value={one.system ?? ""} onChange={(event) => change(at, { system: event.target.value })} />
                </label>
              </div>
            </details>
          </li>
        ))}
      </ul>
      <p><button type="button" onClick={() => set([...of, { model: "" }])}>Add a model</button></p>
    </fieldset>
  );
}
