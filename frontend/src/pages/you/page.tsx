// Your values: a questionnaire that stays in the browser until its end, and whom its order is like.
import { useDocument, type Schemas } from "../../api";
import { Failure, Shown } from "../../parts/states";
import type { SystemAbout } from "../../parts/systems";
import { change, useParam } from "../../state/url";
import { Asking } from "./asking";
import { useKept } from "./kept";
import { Result } from "./result";
import { means, open, read } from "./scores";
import "../../style/fit.css";

export default function YouPage() {
  const meta = useDocument("/api/v1/meta");
  const [system] = useParam("system", "schwartz");
  const asked = useDocument("/api/v1/questionnaires/{system}", { system });
  return (
    <>
      <p className="eyebrow">Your values</p>
      <h1>Which respondents order values as you do</h1>
      <Shown of={meta}>{(found) => (
        <Shown of={asked} what="Loading the questionnaire">{(document) => <Walk key={document.system} asked={document} system={found.systems.find((s) => s.id === document.system)} />}</Shown>
      )}</Shown>
    </>
  );
}

function Walk({ asked, system }: { asked: Schemas["QuestionnaireDocument"]; system: SystemAbout | undefined }) {
  const [kept, keep] = useKept(asked.system);
  const [profile] = useParam("profile");
  const [date] = useParam("date");
  if (system === undefined) return <Failure title="Nobody to compare with yet" message={`Nothing is measured on ${asked.system} here. Measure a model, and this page compares you with it.`} />;
  if (profile !== "") {
    const scores = read(asked, profile);
    const leave = () => change({ profile: null });
    if (scores === null) return <Failure title="This link holds no profile" message={`Expected ${asked.dims.length} numbers from ${asked.low} to ${asked.high}.`}><p><button type="button" onClick={leave}>Answer the questionnaire</button></p></Failure>;
    return <Result asked={asked} scores={scores} body={{ scores }} date={date} shared forget={leave} />;
  }
  if (!kept.begun) return <Intro asked={asked} begin={() => keep({ answers: {}, at: 0, begun: true })} />;
  if (open(asked, kept.answers) < asked.items.length || kept.at < asked.items.length) {
    const at = Math.min(Math.max(0, kept.at), asked.items.length - 1);
    return <Asking asked={asked} answers={kept.answers} at={at} move={(answers, to) => keep({ answers, at: to, begun: true })} leave={() => keep(null)} />;
  }
  return <Result asked={asked} scores={means(asked, kept.answers)} body={{ answers: kept.answers }} date={date} shared={false} forget={() => keep(null)} />;
}

function Intro({ asked, begin }: { asked: Schemas["QuestionnaireDocument"]; begin: () => void }) {
  return (
    <>
      <p className="lead">
        {asked.items.length} statements, about three minutes. Say how much each is like you, from {asked.low} (not at all) to {asked.high} (very much);
        the keys {asked.low} to {asked.high} answer, too. Answers stay in this tab. At the end they are sent once to be compared, and are not stored.
      </p>
      <p className="lead">The statements are our own. They were not validated on people and have no norms: the result says how you order values here, and no more.</p>
      <p className="controls"><button type="button" className="primary" onClick={begin}>Begin</button></p>
    </>
  );
}
