// SHA-256 over everything the bundle is made of: says whether a committed build is of these sources.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";

const root = join(import.meta.dirname, "..");
const named = ["index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"];

const walk = (folder) =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

export function digest() {
  const found = [...named.map((name) => join(root, name)), ...walk(join(root, "src")), ...walk(join(root, "public"))];
  const hash = createHash("sha256");
  for (const path of found.map((p) => relative(root, p).replaceAll("\\", "/")).sort()) {
    hash.update(`${path}\0`).update(readFileSync(join(root, path))).update("\0");
  }
  return hash.digest("hex");
}
