// Where names stand on a map: beside their point, and nowhere over each other.
export interface Spot { x: number; y: number; text: string; first?: boolean }
export interface Label { x: number; y: number; anchor: "start" | "middle" | "end" }
type Box = [number, number, number, number];

// wide enough for the widest of the usual fonts
const [LETTER, LINE, GAP] = [7.2, 14, 9];
const meet = (a: Box, b: Box) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

function box(spot: Spot, label: Label): Box {
  const width = spot.text.length * LETTER;
  const left = label.anchor === "start" ? label.x : label.anchor === "end" ? label.x - width : label.x - width / 2;
  return [left, label.y - LINE + 3, left + width, label.y + 3];
}

/**
 * Labels for spots in turn, those marked `first` before the others; null where there is no room.
 * `taken`: places of what else is drawn.
 */
export function labels(spots: readonly Spot[], width: number, height: number, taken: readonly Box[] = []): (Label | null)[] {
  const dots = spots.map((s): Box => [s.x - 6, s.y - 6, s.x + 6, s.y + 6]);
  const boxes: Box[] = [...taken];
  const found: (Label | null)[] = spots.map(() => null);
  const turns = spots.map((_, i) => i).sort((a, b) => Number(spots[b]!.first ?? false) - Number(spots[a]!.first ?? false));
  for (const i of turns) {
    const s = spots[i]!;
    const tries: Label[] = [
      { x: s.x + GAP, y: s.y + 4, anchor: "start" }, { x: s.x - GAP, y: s.y + 4, anchor: "end" },
      { x: s.x, y: s.y - GAP, anchor: "middle" }, { x: s.x, y: s.y + GAP + 9, anchor: "middle" },
    ];
    const fits = tries.find((label) => {
      const b = box(s, label);
      return b[0] >= 2 && b[2] <= width - 2 && b[1] >= 2 && b[3] <= height - 2 && !boxes.some((o) => meet(b, o)) && !dots.some((o, at) => at !== i && meet(b, o));
    });
    if (fits === undefined) continue;
    found[i] = fits;
    boxes.push(box(s, fits));
  }
  return found;
}
