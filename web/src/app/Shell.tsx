import { useQuery } from "@tanstack/react-query";
import { Link, Navigate, Outlet, useRouterState } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { ApiError } from "../api/client";
import { me } from "../api/queries";
import { SIGNED_OUT } from "../live/world";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { Failure, Loading } from "../ui/Notice";
import { AccountMenu } from "./AccountMenu";
import { InboxLink } from "./InboxLink";
import { useShortcuts } from "./shortcuts";

const Palette = lazy(() => import("./Palette").then((found) => ({ default: found.Palette })));
const ShortcutHelp = lazy(() => import("./ShortcutHelp").then((found) => ({ default: found.ShortcutHelp })));

/** What stands around every page. Who is not signed in sees the sign-in page and nothing else. */
export function Shell() {
  const location = useRouterState({ select: (state) => state.location });
  const signingIn = location.pathname === "/sign-in";
  const { error, isPending, refetch } = useQuery({ ...me, enabled: !signingIn });
  useEffect(() => {
    const look = () => void refetch();
    window.addEventListener(SIGNED_OUT, look);
    return () => window.removeEventListener(SIGNED_OUT, look);
  }, [refetch]);
  if (signingIn) return <main id="main" className="shell"><Outlet /></main>;
  if (error instanceof ApiError && error.status === 401) {
    return <Navigate to="/sign-in" search={location.href === "/" ? {} : { next: location.href }} replace />;
  }
  if (isPending) return <Loading what="Milepost" />;
  if (error !== null) return <Failure page error={error} retry={() => void refetch()} />;
  return <Frame />;
}

/** What was followed to another page is gone there: the focus goes to the page, where Tab begins at its top. */
function useFocusOnPage() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const shown = useRef(path);
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    document.getElementById("main")?.focus();
  }, [path]);
}

function Frame() {
  const [open, setOpen] = useState<"palette" | "help" | null>(null);
  useFocusOnPage();
  useShortcuts({ "Mod+K": () => setOpen("palette"), "?": () => setOpen("help") });
  const close = () => setOpen(null);
  return (
    <div className="shell">
      <a className="skip" href="#main">Skip to the page</a>
      <header className="shell-head">
        <Link to="/" className="brand"><img src="./icon.svg" alt="" width="22" height="22" /> Milepost</Link>
        <nav aria-label="Main">
          <Button kind="plain" className="button shell-search" onClick={() => setOpen("palette")} aria-keyshortcuts="Control+K">
            <Icon name="search" /> <span>Go to…</span> <kbd>Ctrl K</kbd>
          </Button>
          <InboxLink />
          <AccountMenu onHelp={() => setOpen("help")} />
        </nav>
      </header>
      <main id="main" tabIndex={-1}><Outlet /></main>
      <Suspense fallback={null}>
        {open === "palette" && <Palette onClose={close} />}
        {open === "help" && <ShortcutHelp onClose={close} />}
      </Suspense>
    </div>
  );
}
