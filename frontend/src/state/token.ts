// The token of an operator or annotator: typed once, kept in this tab and nowhere else.
import { useSyncExternalStore } from "react";
import { tokenFrom } from "../api";

const NAME = "valuecompass-token";
const listeners = new Set<() => void>();

export const held = (): string | null => sessionStorage.getItem(NAME);
tokenFrom(held);

/** Keep a token in this tab, or forget it. */
export function hold(token: string | null): void {
  if (token === null) sessionStorage.removeItem(NAME);
  else sessionStorage.setItem(NAME, token);
  listeners.forEach((told) => told());
}

const subscribe = (told: () => void) => {
  listeners.add(told);
  return () => listeners.delete(told);
};
export const useToken = (): string | null => useSyncExternalStore(subscribe, held);
