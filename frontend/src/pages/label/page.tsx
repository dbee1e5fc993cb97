// Labels by people: rounds, the labelling itself, what comes of it.
import { WithToken } from "../../parts/token";
import { href, useParam } from "../../state/url";
import { Rounds } from "./rounds";
import { Session } from "./session";
import "../../style/run.css";
import "../../style/label.css";

export default function LabelPage() {
  const [round] = useParam("round");
  return (
    <>
      <p className="eyebrow">Label</p>
      <h1>{round === "" ? "Labels by people" : "Labelling"}</h1>
      {round === "" ? (
        <p className="lead">A judge is as good as people say it is. Two people label the same answers, each alone and without seeing who answered, what the judge said or what the other says; a third decides where they differ.</p>
      ) : (
        <p className="lead"><a href={href("/label")}>All rounds</a></p>
      )}
      <WithToken scope="annotator">{(me) => (round === "" ? <Rounds me={me} /> : <Session key={round} id={round} />)}</WithToken>
    </>
  );
}
