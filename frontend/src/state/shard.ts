// The file of a document in an export. `web/shards.py` names them alike; one fixture holds both to it.
export type Params = Record<string, string | number | boolean | readonly string[] | null | undefined>;

const LONGEST = /.{1,200}/g;

/** A text as part of a file's name: whatever not every file system takes becomes its code point. */
export const plain = (text: string): string =>
  [...text].map((c) => (/[a-z0-9-]/.test(c) ? c : `_${c.codePointAt(0)!.toString(16)}_`)).join("");

/** Fill the places of a path; what is left is the query. Nothing for what is null or empty. */
export function filled(path: string, params: Params, written: (text: string) => string): [string, [string, string][]] {
  const left: [string, string][] = [];
  let done = path;
  for (const [name, value] of Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (value === null || value === undefined || value === "") continue;
    if (done.includes(`{${name}}`)) done = done.replaceAll(`{${name}}`, () => written(String(value)));
    else if (Array.isArray(value)) for (const one of value as readonly string[]) left.push([name, one]);
    else left.push([name, String(value)]);
  }
  return [done, left];
}

/** The day under which an export holds a document: the newest has no name, and ids are no names. */
export function dated(systems: readonly { id: string; measurements: readonly { id: string; date: string }[] }[], params: Params): Params {
  const all = systems.find((s) => s.id === params.system)?.measurements;
  if (all === undefined || typeof params.date !== "string") return params;
  const day = all.find((m) => m.id === params.date)?.date ?? params.date;
  return { ...params, date: day === all[0]?.date ? null : day };
}

export function shard(path: string, params: Params): string {
  const [start, query] = filled(path, params, plain);
  const suffix = /\.(csv|parquet)$/.exec(start)?.[0] ?? "";
  const name = start.slice(0, start.length - suffix.length).replace(/^\//, "") + query.map(([key, text]) => `~${key}=${plain(text)}`).join("");
  // long names are broken into folders
  return name.split("/").map((part) => part.match(LONGEST)?.join("/") ?? "").join("/") + (suffix || ".json");
}
