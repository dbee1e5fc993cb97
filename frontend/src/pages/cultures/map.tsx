// The world, coloured where a culture goes by a country's name. The outlines come when they are needed.
import { useQuery } from "@tanstack/react-query";
import { number } from "../../parts/numbers";
import { shade, side } from "./heat";

export interface Coloured { country: string; culture: string; value: number | null; nearest: boolean }

export function WorldMap({ title, of }: { title: string; of: readonly Coloured[] }) {
  const world = useQuery({ queryKey: ["world"], queryFn: () => import("./world.json").then((found) => found.default) });
  if (of.length === 0) return null;
  if (world.data === undefined) return <p className="waiting" role="status">{world.error === null ? "Drawing the map …" : "The map could not be loaded; the table has the numbers."}</p>;
  const known = new Map(of.map((one) => [one.country, one]));
  const said = (one: Coloured) => `${one.culture}: ${one.value === null ? "not compared" : number(one.value, 2)}`;
  const marks = (one: Coloured) => `${side(one.value)}${one.nearest ? " nearest" : ""}`;
  const paths = world.data.shapes.map((shape, at) => ({ ...shape, at, one: shape.id === null ? undefined : known.get(shape.id) }));
  return (
    <svg className="world" viewBox={world.data.box.join(" ")} role="img" aria-label={title}>
      {paths.filter((p) => p.one === undefined).map((p) => <path key={p.at} className="land" d={p.path} />)}
      {/* coloured ones last: their outline lies over their neighbours' */}
      {paths.map((p) => p.one !== undefined && <path key={p.at} className={marks(p.one)} style={shade(p.one.value)} d={p.path}><title>{said(p.one)}</title></path>)}
      {world.data.dots.map((dot) => {
        const one = known.get(dot.id);
        return one !== undefined && <circle key={dot.id} className={marks(one)} style={shade(one.value)} cx={dot.x} cy={dot.y} r={5}><title>{said(one)}</title></circle>;
      })}
    </svg>
  );
}
