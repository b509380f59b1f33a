/** A workflow's name as that of a file, without its ending. */
export function fileName(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || "workflow";
}
