/** Paths of the API made of names and ids, which may come from an address that somebody else wrote. */

/** A text as one segment of a path: it can neither end the path nor climb out of it. */
const segment = (text: string): string => (text === "." || text === ".." ? "-" : encodeURIComponent(text));

export const project = (projectId: string): string => `api/projects/${segment(projectId)}`;
export const runPath = (projectId: string, runId: string): string => `${project(projectId)}/workflows/runs/${segment(runId)}`;
export const workflowPath = (projectId: string, id: string): string => `${project(projectId)}/workflows/${segment(id)}`;
export const checkpointPath = (projectId: string, runId: string, id: string): string => `${runPath(projectId, runId)}/checkpoints/${segment(id)}`;
