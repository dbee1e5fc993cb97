import { useDocument } from "../../api";
import { count } from "../../parts/numbers";
import { Shown } from "../../parts/states";
import { href, place } from "../../state/url";

/** Forms that were measured, newest first. */
export function Forms() {
  const found = useDocument("/api/v1/forms");
  return (
    <Shown of={found} what="Loading forms">{({ forms }) => forms.length === 0 ? <p className="none">No form was measured here.</p> : (
      <div className="scroll" tabIndex={0} role="region" aria-label="Forms">
        <table className="forms">
          <thead><tr><th scope="col">Form</th><th scope="col">Hash</th><th scope="col" className="number">Items</th><th scope="col" className="number" title="Items that tie it to the form before">Anchors</th><th scope="col" className="number" title="Items that the form measured before it had, too">Shared</th><th scope="col">Measurements</th><th scope="col">Respondents</th></tr></thead>
          <tbody>
            {forms.map((form) => (
              <tr key={`${form.system}${form.hash}`}>
                <th scope="row"><bdi>{form.name}</bdi><small>{form.observational ? "texts as found" : form.built_in ? "comes with the package" : "of a file"}</small></th>
                <td><code>{form.hash || "none"}</code></td>
                <td className="number">{count(form.items)}</td>
                <td className="number">{form.anchors === null ? "not known" : count(form.anchors)}</td>
                <td className="number">{form.shared === null ? "–" : count(form.shared)}</td>
                <td>{form.measurements.map(([id, day]) => <a key={id} className="line" href={href(place("/items", { tab: "health", system: form.system, date: id }))}>{day} <code>{id}</code></a>)}</td>
                <td><details><summary>{count(form.respondents.length)}</summary><bdi>{form.respondents.join(", ")}</bdi></details></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    )}</Shown>
  );
}
