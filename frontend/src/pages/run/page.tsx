// Runs of operators: what to measure or evolve, what it costs, and how far it is.
import { WithToken } from "../../parts/token";
import { href, useParam } from "../../state/url";
import { Form } from "./form";
import { JobList } from "./list";
import { Watched } from "./watch";
import "../../style/run.css";

export default function RunPage() {
  const [job] = useParam("job");
  return (
    <>
      <p className="eyebrow">Run</p>
      {job === "" && <h1>Measure models, or let items evolve</h1>}
      {job === "" ? (
        <p className="lead">A run works in a process of its own: close this page and it goes on. What was answered is stored and never asked or paid twice. Keys come from the server's environment, by name; none is typed here.</p>
      ) : (
        <p className="lead"><a href={href("/run")}>All runs</a></p>
      )}
      <WithToken scope="operator">{() => (job === "" ? <><Form /><JobList /></> : <Watched key={job} id={job} />)}</WithToken>
    </>
  );
}
