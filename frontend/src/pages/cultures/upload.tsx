import { useState, type FormEvent } from "react";
import { change } from "../../state/url";
import { keep, kindOf, useOwn } from "./own";

const MOST = 1_000_000;

/** Compare with a set of profiles of one's own: a file, or pasted text. */
export function Upload({ dims }: { dims: readonly string[] }) {
  const own = useOwn();
  const [text, setText] = useState("");
  const [said, setSaid] = useState("");
  const use = (name: string, content: string) => {
    if (content.trim() === "") return setSaid("There is nothing in it.");
    if (content.length > MOST) return setSaid("The file is larger than a million characters.");
    setSaid("");
    keep({ name: name.slice(0, 120), kind: kindOf(name, content), text: content });
    change({ profiles: "own" });
  };
  const paste = (event: FormEvent) => {
    event.preventDefault();
    use("pasted profiles", text);
  };
  return (
    <section aria-labelledby="upload">
      <h2 id="upload">Profiles of your own</h2>
      <p className="lead">
        A JSON or CSV file with a number for each culture and value; larger means more important, ties are allowed.
        It is sent to be compared and not stored. The values: {dims.join(", ")}.
      </p>
      <div className="controls">
        <label className="field">
          <span>File</span>
          <input type="file" accept=".json,.csv,.tsv,application/json,text/csv" onChange={(event) => {
            const file = event.target.files?.[0];
            if (file === undefined) return;
            if (file.size > 4 * MOST) return setSaid("The file is larger than a million characters.");
            file.text().then((content) => use(file.name, content), () => setSaid("The file could not be read."));
          }} />
        </label>
        {own !== null && <span className="quiet">In use: <bdi>{own.name}</bdi></span>}
        {own !== null && <button type="button" className="plain" onClick={() => { keep(null); change({ profiles: null }); }}>Remove it</button>}
      </div>
      <details className="paste">
        <summary>Or paste it</summary>
        <form onSubmit={paste}>
          <textarea aria-label="Profiles as JSON or CSV" rows={6} value={text} spellCheck={false} onChange={(event) => setText(event.target.value)} placeholder={`culture,${dims.join(",")}`} />
          <p><button type="submit">Compare</button></p>
        </form>
      </details>
      {said !== "" && <p role="alert" className="quiet">{said}</p>}
    </section>
  );
}
