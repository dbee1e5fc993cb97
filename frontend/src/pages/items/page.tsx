// The item bank: items, forms with their health, and runs that made items.
import { isStatic, useDocument } from "../../api";
import { Shown } from "../../parts/states";
import { SystemTabs, useSystem, type SystemAbout } from "../../parts/systems";
import { change, useParam } from "../../state/url";
import { Forms } from "./forms";
import { Health } from "./health";
import { StaticBank } from "./bank";
import { Bank } from "./list";
import { Runs } from "./runs";
import "../../style/items.css";

const TABS = [["", "Items"], ["forms", "Forms"], ["health", "Form health"], ["runs", "Evolution runs"]] as const;

export default function ItemsPage() {
  const meta = useDocument("/api/v1/meta");
  return <Shown of={meta} what="Loading the bank">{(found) => <Whole systems={found.systems} />}</Shown>;
}

function Whole({ systems }: { systems: readonly SystemAbout[] }) {
  const [tab] = useParam("tab");
  const system = useSystem(systems);
  const bySystem = tab === "" || tab === "health";
  return (
    <>
      <p className="eyebrow">Items</p>
      <h1>What is asked, and what it tells</h1>
      <p className="lead">Every item that was measured here, the forms it stood in, and the runs in which items evolved.</p>
      <div className="tabs parts" role="group" aria-label="Part">
        {TABS.map(([key, name]) => <button key={key} type="button" aria-pressed={tab === key} onClick={() => change({ tab: key || null, run: null, after: null, date: null })}>{name}</button>)}
      </div>
      {bySystem && system !== undefined && systems.length > 1 && <SystemTabs systems={systems} chosen={system} />}
      {tab === "forms" ? <Forms /> : tab === "runs" ? <Runs /> : system === undefined ? <p className="none">Nothing is measured here yet, so there are no items.</p> : tab === "health" ? <Health key={system.id} system={system} /> : isStatic ? <StaticBank key={system.id} system={system} /> : <Bank key={system.id} system={system} />}
    </>
  );
}
