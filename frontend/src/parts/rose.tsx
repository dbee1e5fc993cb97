/** The compass rose: the mark of the product, nothing to be read. */
export function Rose({ size }: { size: number }) {
  const points = [0, 90, 180, 270].map((turn) => (
    <g key={turn} transform={`rotate(${turn})`} className={turn === 0 ? "needle" : undefined}>
      <path className="dark" d="M0-44L9-9 0 0z" />
      <path className="lit" d="M0-44L-9-9 0 0z" />
    </g>
  ));
  return (
    <svg className="rose" width={size} height={size} viewBox="-50 -50 100 100" aria-hidden="true">
      <circle className="ring" r="47" />
      {points}
      <circle className="hub" r="4" />
    </svg>
  );
}
