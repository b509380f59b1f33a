import { Link, Outlet } from "@tanstack/react-router";
import { Icon } from "../ui/Icon";

/** What stands around every page. */
export function Shell() {
  return (
    <div className="shell">
      <a className="skip" href="#main">Skip to the page</a>
      <header className="shell-head">
        <Link to="/" className="brand"><Icon name="home" /> Milepost</Link>
        <nav aria-label="Main">
          <Link to="/inbox" className="button" data-kind="plain"><Icon name="inbox" /> Inbox</Link>
        </nav>
      </header>
      <main id="main" tabIndex={-1}><Outlet /></main>
    </div>
  );
}
