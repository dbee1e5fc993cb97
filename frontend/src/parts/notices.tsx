/** Sentences that a reader must see beside the numbers. */
export function Notices({ of, title = "Read before you compare" }: { of: readonly string[]; title?: string }) {
  if (of.length === 0) return null;
  return (
    <aside className="notices" aria-label={title}>
      <h2>{title}</h2>
      <ul>{of.map((sentence) => <li key={sentence} className={sentence.startsWith("Demonstration") ? "strong" : undefined}>{sentence}</li>)}</ul>
    </aside>
  );
}
