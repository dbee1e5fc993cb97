import type { Schemas } from "../../api";
import { count } from "../../parts/numbers";

const ROLES: Record<Schemas["Line"]["role"], string> = { answers: "answers", judge: "judges", explorer: "writes", safety: "looks for harm" };
export const dollars = (usd: number): string => (usd === 0 ? "free" : usd < 0.01 ? "under $0.01" : `$${usd.toFixed(2)}`);

/** What a run would take, by who takes it. */
export function PriceTable({ price }: { price: Schemas["Price"] }) {
  const lacks = [...new Set(price.lines.filter((l) => l.lacks !== null).map((l) => `${l.model ?? l.name}: ${l.lacks}`))];
  return (
    <section className="price" aria-label="Price">
      <h2>{price.usd === null ? "The price is not known" : price.usd === 0 ? "Free" : `About ${dollars(price.usd)}`}</h2>
      <p className="quiet">{price.usd === null ? "A model has no known price. Limit the requests or the tokens." : "An estimate from stored answers and from prompts of the usual length."}</p>
      {lacks.length > 0 && <p role="alert" className="wrong">Missing in the server's environment: {lacks.join("; ")}. Set it there and start the server again.</p>}
      <div className="scroll" tabIndex={0} role="region" aria-label="Price by model">
        <table>
          <thead><tr><th scope="col">Who</th><th scope="col">Does</th><th scope="col" className="number">Requests</th><th scope="col" className="number">Stored already</th><th scope="col" className="number">Tokens in</th><th scope="col" className="number">Tokens out</th><th scope="col" className="number">US dollars</th></tr></thead>
          <tbody>
            {price.lines.map((line) => (
              <tr key={`${line.role} ${line.name}`}>
                <th scope="row"><bdi>{line.name}</bdi>{line.fits === false && <small className="wrong"> does not fit its context</small>}</th>
                <td>{ROLES[line.role]}</td>
                <td className="number">{count(line.requests)}</td>
                <td className="number">{count(line.stored)}</td>
                <td className="number">{count(line.tokens_in)}</td>
                <td className="number">{count(line.tokens_out)}</td>
                <td className="number">{line.usd === null ? "not known" : dollars(line.usd)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {price.notes.map((note) => <p key={note} className="quiet">{note}</p>)}
    </section>
  );
}
