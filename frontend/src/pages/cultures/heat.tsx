// Respondents by cultures: a table whose cells are coloured, so that it is its own twin.
import type { CSSProperties } from "react";
import type { Schemas } from "../../api";
import { interval, number } from "../../parts/numbers";
import { change } from "../../state/url";

type Document = Schemas["CulturesDocument"];

/** Colour of a similarity in [-1, 1]: strength and side, for the style sheet. */
export const shade = (value: number | null): CSSProperties => ({ "--t": Math.abs(value ?? 0).toFixed(3) }) as CSSProperties;
export const side = (value: number | null) => (value === null ? "blank" : value < 0 ? "unlike" : "like");
export const FITS = { true: "yes", false: "none", null: "not testable" } as const;

export function Heat({ of, chosen }: { of: Document; chosen: string }) {
  return (
    <section aria-labelledby="heat">
      <h2 id="heat">How alike the orders of values are</h2>
      <p className="quiet">
        From −1, the reverse order, to 1, the same. <b>●</b> marks the nearest culture where one fits; “none” means that no culture
        fits: the same values in random order would come as near. Choose a respondent to see more of it below.
      </p>
      <div className="scroll heat-scroll" tabIndex={0} role="region" aria-label="Similarity of respondents and cultures">
        <table className="heat">
          <caption className="unseen">Similarity of respondents and cultures, {of.method}</caption>
          <thead><tr><th scope="col">Respondent</th>{of.profiles.cultures.map((c) => <th key={c} scope="col"><bdi>{c}</bdi></th>)}<th scope="col">Any fits</th></tr></thead>
          <tbody>
            {of.rows.map((row) => (
              <tr key={row.respondent} className={row.respondent === chosen ? "chosen" : undefined}>
                <th scope="row">
                  <button type="button" className="plain" aria-pressed={row.respondent === chosen} onClick={() => change({ respondent: row.respondent })}><bdi>{row.respondent}</bdi></button>
                  {row.simulated && <> <span className="badge">simulated</span></>}
                </th>
                {row.cells.map((cell, at) => {
                  const culture = of.profiles.cultures[at]!;
                  const nearest = row.fits !== false && row.nearest.includes(culture);
                  const limits = interval(cell.low, cell.high, 2);
                  return (
                    <td key={culture} className={side(cell.value)} style={shade(cell.value)} title={limits === "" ? undefined : `95 %: ${limits}`}>
                      {cell.value === null ? "–" : number(cell.value, 2)}{nearest && <b> ●<span className="unseen"> nearest</span></b>}
                    </td>
                  );
                })}
                <td>{FITS[String(row.fits) as keyof typeof FITS]}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
