// The bank in an export: all items in one file, filtered and paged in the browser.
import { useDeferredValue } from "react";
import { useDocument, type Schemas } from "../../api";
import { Shown } from "../../parts/states";
import type { SystemAbout } from "../../parts/systems";
import { useParam } from "../../state/url";
import { FIELDS, Filters, sorting, Table, type Doc } from "./list";

type Line = Schemas["BankLine"];
const PAGE = 50;

export function StaticBank({ system }: { system: SystemAbout }) {
  const found = useDocument("/api/v1/banks/{system}", { system: system.id });
  const chosen = Object.fromEntries(["q", "after", ...FIELDS.map(([name]) => name)].map((name) => [name, useParam(name)[0]]));
  const [sort] = useParam("sort", "id");
  const asked = useDeferredValue(chosen.q ?? "");
  return (
    <>
      <Filters facets={found.data?.facets} />
      <Shown of={found} what="Loading items">{(data) => (
        <>
          <p className="quiet">{data.rule}</p>
          <Table data={page(data, { ...chosen, q: asked }, sorting(sort))} pages={new Set(data.lines.filter((l) => l.page === true).map((l) => l.id))} />
        </>
      )}</Shown>
    </>
  );
}

/** The page of the bank that a server would send. */
export function page(of: Schemas["BankDocument"], chosen: Record<string, string>, sort: ReturnType<typeof sorting>): Doc {
  const words = (chosen.q ?? "").toLowerCase().split(/\s+/).filter((w) => w !== "");
  const value = (line: Line, name: string): string => {
    const of = { kind: line.kind ?? "question", status: line.status ?? "in form", dimension: line.dimensions[0] ?? "", topic: line.topic ?? "", language: line.language ?? "en", origin: line.origin ?? "seed" };
    return of[name as keyof typeof of];
  };
  const lines = of.lines.filter((line) =>
    FIELDS.every(([name]) => !chosen[name] || value(line, name) === chosen[name]) && words.every((word) => line.text.toLowerCase().includes(word)));
  // the largest first, and what is not known last
  if (sort !== "id") lines.sort((a, b) => (b[sort] ?? -Infinity) - (a[sort] ?? -Infinity) || 0);
  const start = chosen.after ? lines.findIndex((line) => line.id === chosen.after) + 1 : 0;
  const shown = lines.slice(start, start + PAGE);
  return {
    system: of.system, sort, why: of.why,
    page: {
      lines: shown.map(full), total: lines.length, first: shown.length > 0 ? start + 1 : 0, facets: of.facets,
      next: start + PAGE < lines.length ? shown.at(-1)!.id : null,
      previous: start === 0 ? null : start > PAGE ? lines[start - PAGE - 1]!.id : "",
    },
  };
}

const full = (line: Line) => ({
  id: line.id, status: line.status ?? "in form", retired: line.retired ?? null, uses: line.uses ?? 0,
  item: { kind: line.kind ?? "question", text: line.text, topic: line.topic ?? null, language: line.language ?? "en", dimensions: line.dimensions, lineage: { origin: line.origin ?? "seed" } },
  parameters: line.information == null ? null : { information: line.information, high: line.high ?? null, discrimination: line.discrimination ?? null, difficulty: line.difficulty ?? null },
});
