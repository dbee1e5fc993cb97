import { useDeferredValue } from "react";
import { useDocument, type Schemas } from "../../api";
import { count, number } from "../../parts/numbers";
import { Shown } from "../../parts/states";
import type { SystemAbout } from "../../parts/systems";
import { change, href, useParam } from "../../state/url";

type Sent = Schemas["ItemsDocument"];
type SentLine = Schemas["ItemLine"];
/** What the table shows of a page, from a server or from an export. */
export interface Doc extends Pick<Sent, "system" | "sort" | "why"> {
  page: Omit<Sent["page"], "lines"> & { lines: readonly Line[] };
}
export interface Line {
  id: string;
  status: string;
  retired: SentLine["retired"];
  uses: number;
  item: { kind: string } & Pick<SentLine["item"], "text" | "topic" | "language" | "dimensions"> & { lineage?: { origin?: string } };
  parameters: Pick<NonNullable<SentLine["parameters"]>, "information" | "high" | "discrimination" | "difficulty"> | null;
}
export const FIELDS = [["kind", "Kind"], ["status", "Status"], ["dimension", "Dimension"], ["topic", "Topic"], ["language", "Language"], ["origin", "Origin"]] as const;
const SORTS = [["id", "id"], ["information", "information"], ["difficulty", "difficulty"], ["uses", "times used"]] as const;

export const sorting = (sort: string) => SORTS.find(([key]) => key === sort)?.[0] ?? "id";

export function Bank({ system }: { system: SystemAbout }) {
  const [q] = useParam("q");
  const [after] = useParam("after");
  const [sort] = useParam("sort", "id");
  const chosen = Object.fromEntries(FIELDS.map(([name]) => [name, useParam(name)[0]]));
  const asked = useDeferredValue(q);
  const known = sorting(sort);
  const found = useDocument("/api/v1/items", { system: system.id, q: asked, after, sort: known === "id" ? null : known, ...chosen });
  return (
    <>
      <Filters facets={found.data?.page.facets} />
      {found.error?.status === 404
        ? <p className="none">No item of {system.name} is here: a published table comes with scores alone. Items come with a measurement of one's own.</p>
        : <Shown of={found} what="Loading items">{(data) => <Table data={data} />}</Shown>}
    </>
  );
}

export function Filters({ facets }: { facets: Record<string, Record<string, number>> | undefined }) {
  const [q] = useParam("q");
  const known = sorting(useParam("sort", "id")[0]);
  return (
    <div className="controls" role="search" aria-label="Search items">
      <label className="field"><span>Text</span><input type="search" value={q} maxLength={200} onChange={(e) => change({ q: e.target.value || null, after: null }, true)} /></label>
      {facets !== undefined && FIELDS.map(([name, label]) => <Choice key={name} name={name} label={label} values={facets[name] ?? {}} />)}
      <label className="field"><span>Sorted by</span>
        <select value={known} onChange={(e) => change({ sort: e.target.value === "id" ? null : e.target.value, after: null })}>
          {SORTS.map(([key, name]) => <option key={key} value={key}>{name}</option>)}
        </select>
      </label>
    </div>
  );
}

function Choice({ name, label, values }: { name: string; label: string; values: Record<string, number> }) {
  const [value] = useParam(name);
  const entries = Object.entries(values);
  if (entries.length < 2 && value === "") return null;
  return (
    <label className="field"><span>{label}</span>
      <select value={value} onChange={(e) => change({ [name]: e.target.value || null, after: null })}>
        <option value="">all</option>
        {value !== "" && !(value in values) && <option value={value}>{value}</option>}
        {entries.map(([one, n]) => <option key={one} value={one}>{`${one} (${count(n)})`}</option>)}
      </select>
    </label>
  );
}

/** pages: items that have a page of their own; undefined: all. */
export function Table({ data, pages }: { data: Doc; pages?: ReadonlySet<string> }) {
  const { lines, total, first } = data.page;
  const pager = (
    <p className="controls">
      <span className="quiet" aria-live="polite">{total === 0 ? "No item is like this." : `${count(first)}–${count(first + lines.length - 1)} of ${count(total)} items`}</span>
      {data.page.previous !== null && <button type="button" onClick={() => change({ after: data.page.previous || null })}>Previous page</button>}
      {data.page.next !== null && <button type="button" onClick={() => change({ after: data.page.next })}>Next page</button>}
    </p>
  );
  return (
    <>
      {pager}
      {data.why !== null && <p className="quiet">{data.why}</p>}
      {total > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label="Items">
          <table className="items">
            <caption className="unseen">Items of {data.system}</caption>
            <thead><tr>
              <th scope="col">Item</th><th scope="col">Dimensions</th><th scope="col">Status</th>
              <th scope="col" className="number" title="Expected of an answer, in nats over all dimensions, with the upper 95 % limit">Information</th>
              <th scope="col" className="number" title="Discrimination a and difficulty b of the two-parameter logistic model, on the main dimension">a, b</th>
              <th scope="col" className="number" title="Measurements of this workspace that asked it">Used</th>
            </tr></thead>
            <tbody>{lines.map((line) => <Row key={line.id} line={line} linked={pages?.has(line.id) ?? true} />)}</tbody>
          </table>
        </div>
      )}
      {total > lines.length && pager}
    </>
  );
}

function Row({ line, linked }: { line: Line; linked: boolean }) {
  const { item, parameters: p } = line;
  const about = [item.kind, item.topic, item.language, item.lineage?.origin].filter((x) => x !== null && x !== undefined && x !== "seed");
  return (
    <tr>
      <th scope="row">{linked ? <a href={href(`/items/${line.id}`)}><bdi>{shorter(item.text)}</bdi></a> : <bdi>{shorter(item.text)}</bdi>}<small>{about.join(" · ")}</small></th>
      <td><bdi>{item.dimensions.join(", ")}</bdi></td>
      <td><Status status={line.status} retired={line.retired} /></td>
      <td className="number">{p === null ? "–" : <>{number(p.information, 2)}{p.high !== null && <small className="quiet"> ≤ {number(p.high, 2)}</small>}</>}</td>
      <td className="number">{p === null || p.discrimination === null ? "–" : `${number(p.discrimination, 2)}, ${number(p.difficulty, 2)}`}</td>
      <td className="number">{count(line.uses)}</td>
    </tr>
  );
}

export function Status({ status, retired }: { status: string; retired: Record<string, unknown> | null | undefined }) {
  return (
    <span className={`status ${status.replace(" ", "-")}`}>
      {status}{retired !== null && retired !== undefined && <small>{String(retired.reason)}, {String(retired.date).slice(0, 10)}</small>}
    </span>
  );
}

export const shorter = (text: string, most = 160): string => (text.length > most ? `${text.slice(0, most)}…` : text);
