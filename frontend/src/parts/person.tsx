import { href, place, useParam } from "../state/url";

/** The place of a respondent's page. */
export function personPlace(name: string, params: Record<string, string | null> = {}): string {
  return place(`/respondents/${encodeURIComponent(name)}`, params);
}

/** A respondent's name with what must never be missing beside it; it leads to the same board. */
export function Person({ name, simulated, link = true }: { name: string; simulated: boolean; link?: boolean }) {
  const [system] = useParam("system");
  const [date] = useParam("date");
  return (
    <span className="person">
      {link ? <a href={href(personPlace(name, { system, date }))}><bdi>{name}</bdi></a> : <bdi>{name}</bdi>}
      {simulated && <span className="badge">simulated</span>}
    </span>
  );
}
