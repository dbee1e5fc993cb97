import { href } from "../state/url";

/** A respondent's name with what must never be missing beside it. */
export function Person({ name, simulated, link = true }: { name: string; simulated: boolean; link?: boolean }) {
  return (
    <span className="person">
      {link ? <a href={href(`/respondents/${encodeURIComponent(name)}`)}><bdi>{name}</bdi></a> : <bdi>{name}</bdi>}
      {simulated && <span className="badge">simulated</span>}
    </span>
  );
}
