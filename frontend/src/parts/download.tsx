// A link to a file of the server. A link carries no token: for who holds one, of whom a closed
// server asks it, the file is fetched and handed over.
import { useState, type MouseEvent, type ReactNode } from "react";
import { fetched, isStatic } from "../api";
import { useToken } from "../state/token";
import { save } from "./picture";

export function Download({ href, file, children }: { href: string; file: string; children: ReactNode }) {
  const token = useToken();
  const [wrong, setWrong] = useState<string | null>(null);
  const hand = (event: MouseEvent) => {
    if (token === null || isStatic) return;
    event.preventDefault();
    fetched(href).then((content) => { save(content, file); setWrong(null); }, (error: Error) => setWrong(error.message));
  };
  return <><a href={href} download={file} onClick={hand}>{children}</a>{wrong !== null && <span role="alert" className="wrong">{wrong}</span>}</>;
}
