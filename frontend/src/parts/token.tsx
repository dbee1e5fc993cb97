// What a page shows to who has not typed a token yet, and whose token it is to who has.
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent, type ReactNode } from "react";
import { ApiError, send, type Schemas } from "../api";
import { hold, useToken } from "../state/token";
import { Failure, Waiting } from "./states";

export type Me = Schemas["Me"];

/** Show a page to holders of a token that is good for it. */
export function WithToken({ scope, children }: { scope: Me["scope"]; children: (me: Me) => ReactNode }) {
  const token = useToken();
  const me = useQuery<Me, ApiError>({ queryKey: ["me", token], queryFn: () => send<Me>("GET", "/api/v1/me"), enabled: token !== null });
  if (token === null) return <TokenForm scope={scope} />;
  if (me.error !== null) return <TokenForm scope={scope} why={me.error.message} />;
  if (me.data === undefined) return <Waiting what="Looking at the token" />;
  const good = me.data.scope === scope || me.data.scope === "operator";
  return (
    <>
      <p className="quiet whose">
        Token of <bdi>{me.data.name}</bdi> ({me.data.scope}). <button type="button" className="plain" onClick={() => hold(null)}>Forget it</button>
      </p>
      {good ? children(me.data) : <Failure title="This needs another token" message={`It needs a token of an ${scope}; yours is of an ${me.data.scope}.`} />}
    </>
  );
}

function TokenForm({ scope, why }: { scope: string; why?: string }) {
  const [text, setText] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() !== "") hold(text.trim());
  };
  return (
    <form className="token" onSubmit={submit}>
      <h2>This needs a token of an {scope}</h2>
      <p className="quiet">Who runs this server makes one: <code>valuecompass token create --name NAME --scope {scope}</code>. It stays in this tab and is gone when you close it.</p>
      <p className="controls">
        <label className="field"><span>Token</span><input type="password" autoComplete="off" spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} aria-invalid={why !== undefined} /></label>
        <button type="submit" className="primary">Use it</button>
      </p>
      {why !== undefined && <p role="alert">{why}</p>}
    </form>
  );
}
