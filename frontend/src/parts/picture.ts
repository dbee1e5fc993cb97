// A chart of the page as a PNG: its own SVG with the colours it has now, drawn onto a canvas.
const DRAWN = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linejoin", "font-size", "font-family", "font-weight", "text-anchor"] as const;
const SCALE = 2;

/** Save a picture; it fails where the browser cannot draw it. */
export async function savePng(svg: SVGSVGElement, file: string): Promise<void> {
  const { width, height } = svg.viewBox.baseVal;
  const url = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(standalone(svg))], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width * SCALE, height * SCALE];
    const pen = canvas.getContext("2d")!;
    pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--card").trim();
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    const png = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
    if (png === null) throw new Error("This browser cannot draw the picture.");
    save(png, file);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** A copy that looks the same without the page's style sheets. */
function standalone(svg: SVGSVGElement): SVGSVGElement {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const { width, height } = svg.viewBox.baseVal;
  copy.setAttribute("width", String(width * SCALE));
  copy.setAttribute("height", String(height * SCALE));
  const copies = copy.querySelectorAll("*");
  svg.querySelectorAll("*").forEach((element, at) => {
    const now = getComputedStyle(element);
    for (const name of DRAWN) copies[at]!.setAttribute(name, now.getPropertyValue(name));
    copies[at]!.removeAttribute("class");
  });
  return copy;
}

/** Hand a file to whoever looks at the page. */
export function save(content: Blob, file: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = file;
  link.click();
  // the download has begun by then
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
