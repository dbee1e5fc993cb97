// What the measurement was made of, readable and whole.
import { address, useDocument } from "../../api";
import { Download } from "../../parts/download";
import { Shown } from "../../parts/states";
import { useParam } from "../../state/url";

export function Manifest({ id }: { id: string }) {
  const [open, setOpen] = useParam("manifest");
  const found = useDocument("/api/v1/measurements/{id}/manifest", { id }, open === "open");
  return (
    <section aria-labelledby="manifest">
      <h2 id="manifest">Where the numbers come from</h2>
      <p className="controls">
        <button type="button" aria-expanded={open === "open"} onClick={() => setOpen(open === "open" ? "" : "open")}>{open === "open" ? "Hide" : "Show"} the manifest</button>
        <Download href={address("/api/v1/measurements/{id}/manifest", { id })} file={`measurement-${id}.json`}>JSON</Download>
        <span className="quiet">measurement {id}</span>
      </p>
      {open === "open" && (
        <Shown of={found} what="Loading the manifest">
          {(all) => (
            <div className="manifest">
              {all.groups.map((group, at) => (
                <details key={group.heading} open={at === 0}>
                  <summary>{group.heading}</summary>
                  <dl className="facts">{group.rows.map(([name, value], i) => <div key={i}><dt>{name}</dt><dd><bdi>{value}</bdi></dd></div>)}</dl>
                  {group.omitted > 0 && <p className="none">{group.omitted} more are in the JSON.</p>}
                </details>
              ))}
            </div>
          )}
        </Shown>
      )}
    </section>
  );
}
