// Answers stay in this tab until the last is given, and are gone when it is closed.
import { useCallback, useState } from "react";
import type { Answers } from "./scores";

interface Kept { answers: Answers; at: number; begun: boolean }
const NONE: Kept = { answers: {}, at: 0, begun: false };
const key = (system: string) => `valuecompass-answers-${system}`;

function read(system: string): Kept {
  try {
    const found = JSON.parse(sessionStorage.getItem(key(system)) ?? "null") as Kept | null;
    return found !== null && typeof found.answers === "object" ? found : NONE;
  } catch {
    return NONE;
  }
}

export function useKept(system: string): [Kept, (next: Kept | null) => void] {
  const [kept, set] = useState(() => read(system));
  const put = useCallback((next: Kept | null) => {
    set(next ?? NONE);
    try {
      if (next === null) sessionStorage.removeItem(key(system));
      else sessionStorage.setItem(key(system), JSON.stringify(next));
    } catch {
      // a tab that may store nothing forgets the answers when it is loaded anew
    }
  }, [system]);
  return [kept, put];
}
