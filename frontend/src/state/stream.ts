// Server-sent events with a token: EventSource cannot send one.
import { address, type Params } from "../api";
import { held } from "./token";

export interface Message {
  type: string;
  id: string;
  data: unknown;
}

/** Cut what has come into whole messages and the rest. */
export function messages(text: string): [Message[], string] {
  const blocks = text.split("\n\n");
  const rest = blocks.pop() ?? "";
  const found: Message[] = [];
  for (const block of blocks) {
    const fields: Record<string, string> = {};
    for (const line of block.split("\n")) {
      const at = line.indexOf(":");
      if (at > 0) fields[line.slice(0, at)] = line.slice(at + 1).trimStart();
    }
    if (fields.data !== undefined) found.push({ type: fields.event ?? "message", id: fields.id ?? "", data: JSON.parse(fields.data) as unknown });
  }
  return [found, rest];
}

const FIRST_WAIT = 1_000;
const MOST_WAIT = 15_000;
const WORTH = (status: number) => status === 429 || status >= 500;

/**
 * Listen until a message of type `end`; after a break go on behind the last message with an id.
 * `broken` hears why nothing comes just now, and null when it comes again.
 */
export function listen(path: string, params: Params, hear: (message: Message) => void, broken: (why: string | null) => void): () => void {
  const stop = new AbortController();
  void (async () => {
    let last = "";
    for (let wait = FIRST_WAIT; !stop.signal.aborted; wait = Math.min(2 * wait, MOST_WAIT)) {
      try {
        const headers: Record<string, string> = { accept: "text/event-stream" };
        const token = held();
        if (token !== null) headers.authorization = `Bearer ${token}`;
        if (last !== "") headers["last-event-id"] = last;
        const answer = await fetch(address(path, params), { headers, signal: stop.signal });
        if (!answer.ok || answer.body === null) {
          broken(`The server answered ${answer.status}.`);
          if (!WORTH(answer.status)) return;
        } else {
          broken(null);
          let left = "";
          const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
          for (;;) {
            const { done, value } = await reader.read();
            if (done) break;
            const [found, rest] = messages(left + value);
            left = rest;
            for (const message of found) {
              if (message.type === "end") return;
              if (message.id !== "") last = message.id;
              wait = FIRST_WAIT;
              hear(message);
            }
          }
        }
      } catch {
        if (stop.signal.aborted) return;
        broken("The connection broke; trying again.");
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  })();
  return () => stop.abort();
}
