export function NewWorkflow(_: { project: string }) {
  return null;
}
