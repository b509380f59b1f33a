import { useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { questions } from "../api/queries";
import { Icon } from "../ui/Icon";
import { useProjects } from "./me";

/** The way to the inbox, with how many questions wait there. */
export function InboxLink() {
  const projects = useProjects() ?? [];
  const found = useQueries({ queries: projects.map((each) => ({ ...questions(each.slug), refetchInterval: 30_000 })) });
  const count = found.reduce((sum, each) => sum + (each.data?.items.length ?? 0), 0);
  const more = found.some((each) => each.data?.next_cursor != null);
  return (
    <Link to="/inbox" className="button" data-kind="plain">
      <Icon name="inbox" /> Inbox
      {count > 0 && <span className="badge">{count}{more && "+"}<span className="visually-hidden"> questions wait</span></span>}
    </Link>
  );
}
