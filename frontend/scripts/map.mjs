// Draws the world once: outlines of countries as SVG paths, and by which names countries go.
// Not part of a build; after a change of the packages below:
//   npm install --no-save world-atlas@2.0.2 topojson-client@3.1.0 d3-geo@3.1.1 i18n-iso-countries@7.14.0
//   node scripts/map.mjs
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { geoEqualEarth, geoPath } from "d3-geo";
import { feature } from "topojson-client";

const find = createRequire(import.meta.url).resolve;
const read = (name) => JSON.parse(readFileSync(find(name), "utf-8"));
const features = (name) => {
  const topology = read(`world-atlas/${name}.json`);
  return feature(topology, topology.objects.countries).features.filter((f) => f.properties.name !== "Antarctica");
};
const [WIDTH, TINY] = [960, 14];
const coarse = features("countries-110m");
const fine = features("countries-50m");

// Equal Earth: no country looks larger than it is
const projection = geoEqualEarth().fitWidth(WIDTH, { type: "FeatureCollection", features: coarse });
const path = geoPath(projection).digits(1);
const [[left, top], [right, bottom]] = path.bounds({ type: "FeatureCollection", features: coarse });
const round = (x) => Math.round(10 * x) / 10;

const shapes = coarse.map((f) => ({ id: f.id ?? null, name: f.properties.name, path: path(f) }));
const small = (f) => !coarse.some((c) => c.id === f.id && path.area(c) >= TINY);
const dots = fine.filter((f) => f.id !== undefined && small(f)).map((f) => {
  const [x, y] = path.centroid(f);
  return { id: f.id, name: f.properties.name, x: round(x), y: round(y) };
});
const world = {
  about: "Natural Earth, countries 1:110m and 1:50m (public domain), by way of world-atlas 2.0.2; Equal Earth projection",
  box: [Math.floor(left), Math.floor(top), Math.ceil(right - left), Math.ceil(bottom - top)],
  shapes,
  dots,
};
writeFileSync(join(import.meta.dirname, "../src/pages/cultures/world.json"), `${JSON.stringify(world)}\n`);

const codes = read("i18n-iso-countries/codes.json");
const english = read("i18n-iso-countries/langs/en.json").countries;
const drawn = new Map([...fine, ...coarse].filter((f) => f.id !== undefined).map((f) => [f.id, f.properties.name]));
const rows = codes.filter(([, , numeric]) => drawn.has(numeric)).sort((a, b) => (a[2] < b[2] ? -1 : 1));
const names = rows.map(([two, three, numeric]) => [numeric, [...new Set([two, three, ...[english[two]].flat(), drawn.get(numeric)])]]);
const lines = names.map(([id, all]) => ` ${JSON.stringify(id)}: ${JSON.stringify(all)}`).join(",\n");
const target = "../../src/valuecompass/board/cultures/data/countries.json";
writeFileSync(join(import.meta.dirname, target), `{\n${lines}\n}\n`);
