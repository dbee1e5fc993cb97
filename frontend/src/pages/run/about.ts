// A job in words.
import type { Schemas } from "../../api";
import { count } from "../../parts/numbers";
import type { Draft } from "./draft";

export type Job = Schemas["JobDocument"];

export interface Row { system: string; respondent: string; done: number; total: number }
export interface Progress {
  plans?: { begun: number; of: number };
  done?: number;
  total?: number;
  rows?: Row[];
  outcomes?: Record<string, number>;
  requests?: Record<string, number>;
  limit?: number | null;
  pulls?: number;
  topics?: number;
  found?: number;
  best?: number | null;
  best_topics?: { topic: string; reward: number }[];
  rejected?: Record<string, number>;
  spent?: { calls: number; tokens: number; usd: number };
}

export const STATES: Record<Job["state"], string> = {
  queued: "waiting for a place",
  running: "running",
  stopping: "stopping",
  done: "done",
  failed: "failed",
  stopped: "stopped",
  lost: "lost",
  budget: "budget reached",
};
export const atWork = (job: Job): boolean => job.state === "queued" || job.state === "running" || job.state === "stopping";
export const resumable = (job: Job): boolean => !atWork(job) && job.state !== "done";
export const progressOf = (job: Job): Progress => (job.progress ?? {}) as Progress;

/** What a job does, in a line. */
export function title(job: Job): string {
  const spec = job.spec as unknown as Draft;
  const who = spec.kind === "run" ? spec.respondents : spec.pool;
  const names = who.slice(0, 2).map((one) => one.label ?? (one.prime === undefined || one.prime === null ? one.model : `${one.model} (${one.prime})`));
  const more = who.length > 2 ? ` and ${who.length - 2} more` : "";
  return `${spec.kind === "run" ? "Measure" : "Evolve on"} ${names.join(", ")}${more}: ${(spec.systems ?? ["schwartz"]).join(", ")}`;
}

/** How far it is, as a share and in words; null: nothing is known yet. */
export function far(job: Job): { done: number; of: number; words: string } | null {
  const p = progressOf(job);
  if (p.total !== undefined) {
    // value systems come one after the other: those to come are as large as those begun, as far as is known
    const of = p.plans === undefined ? p.total : Math.round((p.total * p.plans.of) / Math.max(1, p.plans.begun));
    const systems = p.plans !== undefined && p.plans.of > 1 ? `, value system ${p.plans.begun} of ${p.plans.of}` : "";
    return { done: p.done ?? 0, of, words: `${count(p.done ?? 0)} of ${count(p.total)} answers${systems}` };
  }
  if (p.requests !== undefined) {
    const used = Object.values(p.requests).reduce((a, b) => a + b, 0);
    return { done: used, of: p.limit ?? used, words: `${count(used)}${p.limit == null ? "" : ` of ${count(p.limit)}`} requests, ${count(p.found ?? 0)} items found` };
  }
  return null;
}
