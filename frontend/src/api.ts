// The one way to the data: typed by the server's OpenAPI document, the same live and as files.
import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import type { components, paths } from "./api-types";
import { dated, filled, shard, type Params } from "./state/shard";

export type Schemas = components["schemas"];
type Gets = { [P in keyof paths]: paths[P] extends { get: { responses: { 200: { content: { "application/json": unknown } } } } } ? P : never }[keyof paths];
export type Answer<P extends Gets> = paths[P] extends { get: { responses: { 200: { content: { "application/json": infer T } } } } } ? T : never;
export type { Params };

/** Whether these are files without a server: index.html of an export says so. */
export const isStatic = document.querySelector('meta[name="valuecompass-static"]') !== null;

const META = "/api/v1/meta";

export class ApiError extends Error {
  constructor(readonly status: number, message: string, readonly field: string | null) {
    super(message);
  }
}

// the systems of an export, once they are loaded: every page of a system asks for them first
let systems: readonly Schemas["SystemAbout"][] = [];

/** Where a document is: on the server, or its file in an export. */
export function address(path: string, params: Params = {}): string {
  const relative = path.replace(/^\//, "");
  if (isStatic) return shard(relative, dated(systems, params));
  const [start, left] = filled(relative, params, encodeURIComponent);
  const query = new URLSearchParams(left).toString();
  return query ? `${start}?${query}` : start;
}

let token: () => string | null = () => null;
/** Tell where the token of an operator or annotator is kept. */
export function tokenFrom(source: () => string | null): void {
  token = source;
}

function authorized(headers: Record<string, string>): Record<string, string> {
  const secret = token();
  return secret === null || isStatic ? headers : { ...headers, authorization: `Bearer ${secret}` };
}

/** Fetch a file by its whole address, with the token of this tab. */
export async function fetched(href: string): Promise<Blob> {
  const answer = await fetch(href, { headers: authorized({}) });
  if (!answer.ok) throw explained(answer.status, await answer.text());
  return answer.blob();
}

export async function send<T>(method: string, path: string, params: Params = {}, body?: unknown): Promise<T> {
  const headers = authorized({ accept: "application/json" });
  if (body !== undefined) headers["content-type"] = "application/json";
  const answer = await fetch(address(path, params), { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw explained(answer.status, text);
  const found = (text === "" ? undefined : JSON.parse(text)) as T;
  if (isStatic && path === META) ({ systems } = found as Schemas["Meta"]);
  return found;
}

function explained(status: number, text: string): ApiError {
  try {
    const { error } = JSON.parse(text) as Schemas["ErrorDocument"];
    return new ApiError(error.status, error.message, error.field ?? null);
  } catch {
    return new ApiError(status, isStatic ? "These are files without a server, and they do not hold it. Of findings they hold the newest day." : `The server answered ${status}.`, null);
  }
}

/** Ask for a document, and keep what came: measurements never change. */
export function useDocument<P extends Gets>(path: P, params: Params = {}, enabled = true): UseQueryResult<Answer<P>, ApiError> {
  return useQuery<Answer<P>, ApiError>({
    queryKey: [address(path, params)],
    queryFn: () => send<Answer<P>>("GET", path, params),
    enabled,
  });
}
