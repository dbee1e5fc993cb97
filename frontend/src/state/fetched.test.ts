import { expect, test, vi } from "vitest";

vi.stubGlobal("document", { querySelector: () => null });
vi.stubGlobal("sessionStorage", { getItem: () => "vc_token" });
await import("./token");
const { fetched } = await import("../api");
const sources: Record<string, string> = import.meta.glob("../**/*.tsx", { query: "?raw", import: "default", eager: true });

test("a file is fetched with the token, and a refusal says why", async () => {
  const asked = vi.fn(async () => new Response("a,b"));
  vi.stubGlobal("fetch", asked);
  expect(await (await fetched("api/v1/boards/schwartz/scores.csv?date=x")).text()).toBe("a,b");
  expect(asked).toHaveBeenCalledWith("api/v1/boards/schwartz/scores.csv?date=x", { headers: { authorization: "Bearer vc_token" } });
  vi.stubGlobal("fetch", async () => new Response('{"error": {"status": 401, "message": "closed", "field": null}}', { status: 401 }));
  await expect(fetched("x")).rejects.toThrow("closed");
});

test("no link leads to a file without a token", () => {
  expect(Object.keys(sources).length).toBeGreaterThan(20);
  for (const [path, text] of Object.entries(sources)) {
    if (!path.endsWith("/download.tsx")) expect(text, path).not.toMatch(/<a [^>]*\bdownload=/);
  }
});
