/** Who is signed in, and what they may do. */
import { useQuery } from "@tanstack/react-query";
import { ApiError } from "../api/client";
import { me } from "../api/queries";
import type { Permission, Project } from "../api/types";

const ALL: ReadonlySet<Permission> = new Set(["can_view", "can_execute", "can_edit", "can_manage"]);
const NONE: ReadonlySet<Permission> = new Set();

/** What the person may do in a project (its id or slug); controls for anything else are not shown. */
export function usePermissions(projectId: string): ReadonlySet<Permission> {
  const { data, error } = useQuery(me);
  if (error instanceof ApiError && error.status === 404) return ALL;
  const found = data?.projects.find((each) => each.project_id === projectId || each.slug === projectId);
  return found === undefined ? NONE : new Set(found.permissions);
}

/** The projects that the person sees. */
export function useProjects(): readonly Project[] | undefined {
  return useQuery(me).data?.projects;
}
