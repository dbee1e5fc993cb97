import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { digest } from "./digest.mjs";

writeFileSync(join(import.meta.dirname, "../../src/valuecompass/web/static/sources.txt"), `${digest()}\n`);
