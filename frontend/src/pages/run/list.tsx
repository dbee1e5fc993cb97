// All runs, the newest first.
import { useQuery } from "@tanstack/react-query";
import { send, type ApiError, type Schemas } from "../../api";
import { Shown } from "../../parts/states";
import { at, lasted } from "../../parts/when";
import { href, place } from "../../state/url";
import { atWork, far, STATES, title } from "./about";

const LOOK_AGAIN = 3_000;

export function JobList() {
  const jobs = useQuery<Schemas["JobList"], ApiError>({
    queryKey: ["jobs"],
    queryFn: () => send<Schemas["JobList"]>("GET", "/api/v1/jobs"),
    staleTime: 0,
    refetchInterval: (query) => (query.state.data?.jobs.some(atWork) === true ? LOOK_AGAIN : false),
  });
  return (
    <section>
      <h2>Runs</h2>
      <Shown of={jobs} what="Loading runs">
        {(found) =>
          found.jobs.length === 0 ? (
            <p className="quiet">Nothing was started here yet.</p>
          ) : (
            <>
              <p className="quiet">{found.workers === 1 ? "One run works" : `${found.workers} runs work`} at a time; others wait.</p>
              <div className="scroll" tabIndex={0} role="region" aria-label="Runs">
                <table className="jobs">
                  <thead><tr><th scope="col">What</th><th scope="col">State</th><th scope="col">How far</th><th scope="col">By</th><th scope="col">Started</th><th scope="col">Took</th></tr></thead>
                  <tbody>
                    {found.jobs.map((job) => {
                      const so = far(job);
                      return (
                        <tr key={job.id}>
                          <th scope="row"><a href={href(place("/run", { job: job.id }))}><bdi>{title(job)}</bdi></a></th>
                          <td><span className={`state ${job.state}`}>{STATES[job.state]}</span></td>
                          <td>{so === null ? "" : so.words}</td>
                          <td><bdi>{job.by}</bdi></td>
                          <td>{at(job.started ?? job.created)}</td>
                          <td>{lasted(job.started, job.finished)}</td>
                        </tr>
                      );
                    })}
                  </tbody>
                </table>
              </div>
            </>
          )
        }
      </Shown>
    </section>
  );
}
