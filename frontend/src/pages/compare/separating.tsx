// The items that separate a pair most, with what both answered.
import { useDocument, type Schemas } from "../../api";
import { Response, Rulings } from "../../parts/evidence";
import { signed } from "../../parts/numbers";
import { Shown } from "../../parts/states";
import { change, href, place, useParam } from "../../state/url";

type Pair = Schemas["Pair"];

export function Separating({ system, pair, date }: { system: string; pair: Pair; date: string }) {
  const [open] = useParam("item");
  if (pair.items.length === 0) return null;
  return (
    <section aria-labelledby="separating">
      <h2 id="separating">What separates them most</h2>
      <p className="lead">Single items vary by chance, too: the ones at the top of a long list show how two respondents can differ, not how much they do.</p>
      <ol className="separating">
        {pair.items.map((one) => {
          const key = `${one.item}:${one.dimension}`;
          return (
            <li key={key}>
              <h3>{one.text}</h3>
              <p className="quiet">{one.dimension}: {signed(one.difference)} points, first less second; item {one.item}</p>
              <button type="button" className="plain no-print" aria-expanded={open === key} onClick={() => change({ item: open === key ? null : key })}>{open === key ? "Hide" : "Read"} both answers<span className="unseen"> to: {one.text}</span></button>
              {open === key && <div className="both"><Side system={system} name={pair.a} date={date} {...one} /><Side system={system} name={pair.b} date={date} {...one} /></div>}
            </li>
          );
        })}
      </ol>
      <p><a className="no-print" href={href(place("/cases", { system, date }))}>Search all answers, item by item</a></p>
    </section>
  );
}

function Side({ system, name, date, item, dimension }: { system: string; name: string; date: string; item: string; dimension: string }) {
  const found = useDocument("/api/v1/boards/{system}/respondent/behind", { system, name, dimension, date, item });
  return (
    <div>
      <h4><bdi>{name}</bdi></h4>
      <Shown of={found} what="Loading the answer">{(page) => <>{page.answers.map((a) => <div key={`${a.presentation}.${a.repeat}`}><Response of={a} /><Rulings of={a} dimension={dimension} /></div>)}</>}</Shown>
    </div>
  );
}
