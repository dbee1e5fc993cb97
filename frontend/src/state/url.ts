// All state of a page is in the address, behind the "#": a link restores it, with a server or without.
import { useCallback, useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
window.addEventListener("hashchange", () => listeners.forEach((told) => told()));

const subscribe = (told: () => void) => {
  listeners.add(told);
  return () => listeners.delete(told);
};
const whole = () => window.location.hash.slice(1) || "/";
const split = (text: string): [string, string] => {
  const at = text.indexOf("?");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
};

/** Go to a place. `replace`: without a step in the history, for what changes while somebody drags. */
export function go(to: string, replace = false): void {
  const next = `#${to.startsWith("/") ? to : `/${to}`}`;
  if (next === window.location.hash) return;
  if (replace) history.replaceState(null, "", next);
  else history.pushState(null, "", next);
  listeners.forEach((told) => told());
}

/** Hooks that make wouter's router read the part behind the "#". */
export const usePath = (): [string, (to: string, options?: { replace?: boolean }) => void] => [
  useSyncExternalStore(subscribe, () => split(whole())[0]),
  (to, options) => go(to, options?.replace),
];
export const useSearchText = (): string => useSyncExternalStore(subscribe, () => split(whole())[1]);

/** The href of a place, for links. */
export const href = (to: string): string => `#${to}`;

/** A place with parameters; those that are null or empty are left out. */
export function place(path: string, params: Record<string, string | readonly string[] | null | undefined> = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === null || value === undefined || value === "") continue;
    if (typeof value === "string") query.set(name, value);
    else for (const one of value) query.append(name, one);
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** One parameter of the address, and how to change it; the fallback is not written. */
export function useParam(name: string, fallback = ""): [string, (value: string, replace?: boolean) => void] {
  const value = new URLSearchParams(useSearchText()).get(name) ?? fallback;
  const set = useCallback((next: string, replace = false) => change({ [name]: next === fallback ? null : next }, replace), [name, fallback]);
  return [value, set];
}

/** A parameter that may stand several times. */
export function useListParam(name: string): [string[], (values: readonly string[], replace?: boolean) => void] {
  const values = new URLSearchParams(useSearchText()).getAll(name);
  const set = useCallback((next: readonly string[], replace = false) => change({ [name]: next }, replace), [name]);
  return [values, set];
}

/** Change some parameters of the address and leave the others. */
export function change(changes: Record<string, string | readonly string[] | null>, replace = false): void {
  const [path, text] = split(whole());
  const query = new URLSearchParams(text);
  for (const [name, value] of Object.entries(changes)) {
    query.delete(name);
    if (value === null) continue;
    if (typeof value === "string") query.set(name, value);
    else for (const one of value) query.append(name, one);
  }
  const next = query.toString();
  go(next ? `${path}?${next}` : path, replace);
}
