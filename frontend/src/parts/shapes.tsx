// Markers and dashes: respondents differ in colour, shape and dash, so colour alone never carries the meaning.
export const MARKERS = [
  "M-4.6 0a4.6 4.6 0 1 0 9.2 0a4.6 4.6 0 1 0-9.2 0z",
  "M-4.1-4.1h8.2v8.2h-8.2z",
  "M0-5.6L5.3 4.2H-5.3z",
  "M0-6L5.4 0 0 6-5.4 0z",
  "M0 5.6L5.3-4.2H-5.3z",
  "M-1.7-5.2h3.4v3.5h3.5v3.4h-3.5v3.5h-3.4v-3.5h-3.5v-3.4h3.5z",
  "M-5.2 0L-2.6-4.6h5.2L5.2 0 2.6 4.6h-5.2z",
  "M-4.6-2.3L-2.3-4.6 0-2.3 2.3-4.6 4.6-2.3 2.3 0 4.6 2.3 2.3 4.6 0 2.3-2.3 4.6-4.6 2.3-2.3 0z",
] as const;
export const DASHES = ["none", "8 3", "2 3", "9 3 2 3", "5 2 1.5 2 1.5 2", "13 4", "4 4", "1.5 4"] as const;

export interface Estimate { score: number | null; low: number | null; high: number | null }

/** One respondent's estimates, one per dimension. */
export interface Series { name: string; simulated: boolean; estimates: readonly Estimate[] }

/** Both ends of a name tell it apart: its middle is left out. */
export function elide(text: string, width: number): string {
  const signs = [...text];
  if (signs.length <= width) return text;
  const half = Math.floor((width - 1) / 2);
  return `${signs.slice(0, width - 1 - half).join("")}…${signs.slice(-half).join("")}`;
}

/** A text in lines of about so many signs, broken at spaces and slashes. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.replaceAll("/", "/ ").split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(elide(word, width + 6));
  }
  return lines.length <= 3 ? lines : [...lines.slice(0, 2), `${lines[2]} …`];
}

/** Whose line is whose and of when, inside a chart, so that a saved picture has it too. */
export function Legend({ series, note, x, y, step }: { series: readonly Series[]; note: string; x: number; y: number; step: number }) {
  return (
    <g className="legend">
      {series.map((one, k) => (
        <g key={one.name} className={`s${k % 8}`} transform={`translate(${x} ${y + k * step})`}>
          <path className="line" strokeDasharray={DASHES[k % 8]} d="M-16 0H16" />
          <path className="dot" d={MARKERS[k % 8]} />
          <text x="26" y="4">{elide(one.name, 38)}{one.simulated && " (simulated)"}</text>
        </g>
      ))}
      <text className="note" x={x - 16} y={y + series.length * step + 4}>{note}</text>
    </g>
  );
}
