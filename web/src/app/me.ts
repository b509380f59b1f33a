/** Who is signed in, and what they may do. */
import { useQuery } from "@tanstack/react-query";
import { me } from "../api/queries";
import type { Permission, Project } from "../api/types";

const NONE: ReadonlySet<Permission> = new Set();

/** What the person may do in a project (its id or slug); controls for anything else are not shown. */
export function usePermissions(projectId: string): ReadonlySet<Permission> {
  const found = useQuery(me).data?.projects.find((each) => each.project_id === projectId || each.slug === projectId);
  return found === undefined ? NONE : new Set(found.permissions);
}

/** The projects that the person sees. */
export function useProjects(): readonly Project[] | undefined {
  return useQuery(me).data?.projects;
}
