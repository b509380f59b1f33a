/** Every page's address, with its search parameters. Selection lives in the URL, so that a link shows what its sender saw. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Link } from "@tanstack/react-router";
import { BASE } from "../api/client";
import { Empty, Failure, Loading } from "../ui/Notice";
import { Shell } from "./Shell";

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
const word = <Word extends string>(value: unknown, allowed: readonly Word[]): Word | undefined => allowed.find((each) => each === value);
const number = (value: unknown): number | undefined => (Number.isSafeInteger(Number(value)) && Number(value) > 0 ? Number(value) : undefined);
const list = (value: unknown): string[] | undefined => {
  const found = (Array.isArray(value) ? value : [value]).filter((each): each is string => typeof each === "string" && each !== "");
  return found.length > 0 ? found : undefined;
};
/** Without the keys that have no value, so that they do not stand in the address. */
function given<Search extends object>(search: Search): { [Key in keyof Search]?: Exclude<Search[Key], undefined> } {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as never;
}

export const WORKFLOW_TABS = ["graph", "definition", "runs", "stats"] as const;
export const RUN_TABS = ["graph", "timeline", "list", "log"] as const;

const root = createRootRoute({
  component: Shell,
  notFoundComponent: () => (
    <Empty page title="There is no such page">
      <p>The address may be mistyped, or the page has moved.</p>
      <Link to="/" className="button">Go home</Link>
    </Empty>
  ),
});

const home = createRoute({
  getParentRoute: () => root, path: "/",
  validateSearch: (search: Record<string, unknown>) => given({ project: text(search["project"]) }),
  component: lazyRouteComponent(() => import("../views/home/HomePage"), "HomePage"),
});
const workflow = createRoute({
  getParentRoute: () => root, path: "/p/$project/w/$workflow",
  validateSearch: (search: Record<string, unknown>) =>
    given({
      tab: word(search["tab"], WORKFLOW_TABS), version: number(search["version"]), node: text(search["node"]), q: text(search["q"]),
      status: list(search["status"]), since: text(search["since"]), run: text(search["run"]),
      test: word(search["test"], ["only"] as const), against: number(search["against"]), cursor: text(search["cursor"]),
    }),
  component: lazyRouteComponent(() => import("../views/workflow/WorkflowPage"), "WorkflowPage"),
});
const run = createRoute({
  getParentRoute: () => root, path: "/p/$project/runs/$run",
  validateSearch: (search: Record<string, unknown>) =>
    given({
      tab: word(search["tab"], RUN_TABS), node: text(search["node"]), attempt: number(search["attempt"]), cp: text(search["cp"]),
      pin: text(search["pin"]),
    }),
  component: lazyRouteComponent(() => import("../views/run/RunPage"), "RunPage"),
});
const compare = createRoute({
  getParentRoute: () => root, path: "/p/$project/compare",
  validateSearch: (search: Record<string, unknown>) => given({ a: text(search["a"]), b: text(search["b"]) }),
  component: lazyRouteComponent(() => import("../views/compare/ComparePage"), "ComparePage"),
});
const inbox = createRoute({
  getParentRoute: () => root, path: "/inbox",
  validateSearch: (search: Record<string, unknown>) => given({ tab: word(search["tab"], ["questions", "notifications", "tasks"] as const), project: text(search["project"]) }),
  component: lazyRouteComponent(() => import("../views/inbox/InboxPage"), "InboxPage"),
});
const signIn = createRoute({
  getParentRoute: () => root, path: "/sign-in",
  validateSearch: (search: Record<string, unknown>) => given({ reason: text(search["reason"]), next: text(search["next"]) }),
  component: lazyRouteComponent(() => import("../views/signin/SignInPage"), "SignInPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([home, workflow, run, compare, inbox, signIn]),
  basepath: BASE.pathname,
  defaultPendingComponent: Loading,
  defaultErrorComponent: ({ error, reset }) => <Failure page error={error} retry={reset} />,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
