import { describe, expect, it } from "vitest";
import { destinations, fit } from "../../src/app/destinations";
import type { WorkflowSummary } from "../../src/api/types";

function workflow(name: string): WorkflowSummary {
  return {
    workflow_id: name, project_id: "p", kind: "definition", name, description: "", latest_version: 1, created_at: "", updated_at: "", archived_at: null, concurrency: null,
  };
}

describe("the palette", () => {
  it("puts beginnings before words before parts", () => {
    expect([fit("Night report", "ni"), fit("The night", "ni"), fit("Running", "ni"), fit("Naive", "ni"), fit("Home", "ni")]).toEqual([4, 3, 2, 1, 0]);
  });

  it("offers everything while nothing is typed, and what fits afterwards", () => {
    const known = { projects: [], workflows: [workflow("Review"), workflow("Night report")], runs: [], project: "default" };
    expect(destinations("", known).map((each) => each.label)).toEqual(["Home", "Inbox", "Review", "Night report"]);
    expect(destinations("rep", known).map((each) => each.href)).toEqual(["/p/default/w/Night report"]);
  });
});
