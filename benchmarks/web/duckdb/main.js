// The board's table by SQL in the browser: weighted mean, order, every dimension.
import * as duckdb from "@duckdb/duckdb-wasm";
import { tableFromJSON } from "apache-arrow";

const document_ = await (await fetch("./board.json")).json();
const at = (name) => new URL(name, location.href).href;
const database = new duckdb.AsyncDuckDB(new duckdb.VoidLogger(), new Worker(at("duckdb-browser-eh.worker.js")));
await database.instantiate(at("duckdb-eh.wasm"));
const connection = await database.connect();
const rows = document_.rows.map((row) => Object.fromEntries([
  ["respondent", row.respondent], ...document_.dims.map((dim, d) => [`d${d}`, row.dimensions[dim].score]),
]));
await connection.insertArrowTable(tableFromJSON(rows), { name: "board" });

const sliders = document_.dims.map((dim) => {
  const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 10, step: 0.5, value: 5 });
  const label = document.createElement("label");
  label.append(dim, slider);
  document.querySelector("#weights").append(label);
  slider.addEventListener("input", show);
  return slider;
});
const head = document.querySelector("thead tr");
for (const name of ["Respondent", "Score", ...document_.dims]) head.append(Object.assign(document.createElement("th"), { textContent: name }));

async function show() {
  const weights = sliders.map((slider) => Number(slider.value));
  const sum = weights.reduce((a, b) => a + b, 0) || 1;
  const mean = weights.map((weight, d) => `${weight / sum} * d${d}`).join(" + ");
  const found = await connection.query(`SELECT respondent, ${mean} AS score, * EXCLUDE (respondent) FROM board ORDER BY score DESC`);
  document.querySelector("tbody").replaceChildren(...found.toArray().map((row) => {
    const line = document.createElement("tr");
    for (const value of Object.values(row.toJSON())) {
      line.append(Object.assign(document.createElement("td"), { textContent: typeof value === "number" ? value.toFixed(1) : value }));
    }
    return line;
  }));
}
await show();
