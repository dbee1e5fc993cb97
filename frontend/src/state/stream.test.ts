import { expect, test, vi } from "vitest";

vi.stubGlobal("document", { querySelector: () => null });
vi.stubGlobal("sessionStorage", { getItem: () => "vc_token" });
const { listen, messages } = await import("./stream");

test("messages are cut where they end, however they come", () => {
  const whole = 'id: 1\nevent: event\ndata: {"a":"b: c"}\n\n: still here\n\nevent: job\ndata: {}\n\n';
  for (let cut = 0; cut <= whole.length; cut++) {
    const [first, rest] = messages(whole.slice(0, cut));
    const [second, left] = messages(rest + whole.slice(cut));
    expect([...first, ...second]).toEqual([
      { type: "event", id: "1", data: { a: "b: c" } },
      { type: "job", id: "", data: {} },
    ]);
    expect(left).toBe("");
  }
});

test("a broken stream goes on behind the last message", async () => {
  vi.useFakeTimers();
  const asked: Record<string, string>[] = [];
  const bodies = ['id: 3\nevent: event\ndata: 1\n\n', 'id: 4\nevent: event\ndata: 2\n\nevent: end\ndata: {}\n\n'];
  vi.stubGlobal("fetch", async (_: string, { headers }: { headers: Record<string, string> }) => {
    asked.push(headers);
    return new Response(bodies[asked.length - 1]);
  });
  const heard: unknown[] = [];
  listen("/x", {}, (m) => heard.push(m.data), () => undefined);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(heard).toEqual([1, 2]);
  expect(asked.map((h) => h["last-event-id"])).toEqual([undefined, "3"]);
  expect(asked.map((h) => h.authorization)).toEqual(["Bearer vc_token", "Bearer vc_token"]);
  vi.useRealTimers();
});
