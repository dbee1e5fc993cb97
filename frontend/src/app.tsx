// The frame of every page: menu, what is shown where, and what an error looks like.
import { Component, lazy, Suspense, useEffect, useRef, type ComponentType, type ReactNode } from "react";
import { Route, Router, Switch } from "wouter";
import { isStatic, useDocument } from "./api";
import { Rose } from "./parts/rose";
import { Failure, Waiting } from "./parts/states";
import { href, usePath, useSearchText } from "./state/url";

interface Page {
  path: string;
  /** In the menu under this name; without one it is reached from other pages. */
  name?: string;
  /** Needs a server: not in an export. */
  live?: boolean;
  page: ComponentType;
}

const PAGES: readonly Page[] = [
  { path: "/", name: "Board", page: lazy(() => import("./pages/board/page")) },
  { path: "/respondents", name: "Respondents", page: lazy(() => import("./pages/respondent/list")) },
  { path: "/respondents/:name", page: lazy(() => import("./pages/respondent/page")) },
  { path: "/cases", name: "Cases", page: lazy(() => import("./pages/cases/page")) },
  { path: "/cases/:measurement/:position/:item/:presentation/:repeat", page: lazy(() => import("./pages/cases/case")) },
  { path: "/compare", name: "Compare", page: lazy(() => import("./pages/compare/page")) },
  { path: "/cultures", name: "Cultures", page: lazy(() => import("./pages/cultures/page")) },
  { path: "/space", name: "Value space", page: lazy(() => import("./pages/space/page")) },
  { path: "/you", name: "Your values", page: lazy(() => import("./pages/you/page")) },
  { path: "/items", name: "Items", page: lazy(() => import("./pages/items/page")) },
  { path: "/items/:id", page: lazy(() => import("./pages/items/item")) },
  { path: "/findings", name: "Findings", page: lazy(() => import("./pages/findings/page")) },
  { path: "/methods", name: "Methods", page: lazy(() => import("./pages/methods/page")) },
  { path: "/run", name: "Run", live: true, page: lazy(() => import("./pages/run/page")) },
  { path: "/label", name: "Label", live: true, page: lazy(() => import("./pages/label/page")) },
];

export function App() {
  const [path] = usePath();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const shown = PAGES.find((p) => p.path === path || (p.path !== "/" && path.startsWith(p.path.split("/:")[0]!)));
  const menu = useRef<HTMLElement>(null);
  useEffect(() => {
    // on a phone the menu is wider than the screen: where one is must be seen
    const here = menu.current?.querySelector<HTMLElement>("[aria-current]");
    if (here !== null && here !== undefined) menu.current!.scrollLeft = here.offsetLeft - menu.current!.offsetLeft - 48;
  }, [shown]);
  useEffect(() => {
    // who goes to another page with a screen reader is taken to its beginning
    if (!first.current) {
      main.current?.focus({ preventScroll: true });
      window.scrollTo(0, 0);
    }
    first.current = false;
  }, [path]);
  return (
    <Router hook={usePath} searchHook={useSearchText}>
      <a className="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>Skip to the page</a>
      <header className="top">
        <div className="wide">
          <a className="brand" href={href("/")}><Rose size={34} /><span>Value Compass</span></a>
          <nav aria-label="Pages" ref={menu}>
            {PAGES.filter((p) => p.name !== undefined && !(p.live === true && isStatic)).map((p) => (
              <a key={p.path} href={href(p.path)} aria-current={p === shown ? "page" : undefined}>{p.name}</a>
            ))}
          </nav>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1} className="wide">
        <Caught key={path}>
          <Suspense fallback={<Waiting />}>
            <Switch>
              {PAGES.map((p) => <Route key={p.path} path={p.path} component={p.live === true && isStatic ? NeedsServer : p.page} />)}
              <Route><Failure title="There is no such page" message={`Nothing is at ${path}.`} /></Route>
            </Switch>
          </Suspense>
        </Caught>
      </main>
      <Foot />
    </Router>
  );
}

/** What a link to a page that writes comes to in an export. */
function NeedsServer() {
  return <Failure title="This needs a server" message="These are files: nothing can be run or labelled here. Whoever made them can, with the command:"><pre>valuecompass serve</pre></Failure>;
}

function Foot() {
  const meta = useDocument("/api/v1/meta");
  return (
    <footer className="wide foot">
      <p>
        Value Compass {meta.data?.version ?? ""}. Scores say what texts express, not what a model is.
        {" "}{isStatic ? "These are files without a server." : <a href="api/v1/openapi.json">API</a>}
      </p>
    </footer>
  );
}

/** A defect of one page leaves the menu usable. */
class Caught extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };
  static getDerivedStateFromError(error: Error) {
    return { error };
  }
  override render() {
    if (this.state.error === null) return this.props.children;
    return <Failure title="This page failed" message={this.state.error.message} />;
  }
}
