"""Definitions that the pictures need besides the examples: thirty and a thousand nodes, long names, large values."""

from typing import Any

SLOW = {"model": "echo", "prompt": "Reading the ledger " + "line by line " * 60, "delay": 60}
"""Config of a node that goes on for as long as the pictures are taken."""

LEDGERS = ("Receivables", "Payables", "Payroll", "Inventory", "Fixed assets", "Leases", "Travel")


def closing() -> dict[str, Any]:
    """Thirty nodes: seven ledgers side by side, each in three steps, some of which take long."""
    nodes: list[dict[str, Any]] = [
        {"id": "period", "type": "input", "name": "Open the period"},
        {"id": "rates", "type": "process", "name": "Exchange rates", "config": {"value": {"eur": 1, "usd": 1.08}}},
    ]
    edges: list[dict[str, Any]] = [{"source": "period", "target": "rates"}]
    for place, ledger in enumerate(LEDGERS):
        name = ledger.lower().replace(" ", "_")
        slow = place in (2, 4, 5)
        work = {"type": "ai", "config": SLOW, "timeout": 3600} if slow else {"type": "process", "config": {"value": {}}}
        nodes += [
            {"id": f"{name}_export", "type": "process", "name": f"Export {ledger.lower()}", "config": {"value": {}}},
            {"id": f"{name}_match", "name": f"Match {ledger.lower()}", **work},
            {"id": f"{name}_post", "type": "process", "name": f"Post {ledger.lower()}", "config": {"value": {}}},
        ]
        edges += [
            {"source": "rates", "target": f"{name}_export"},
            {"source": f"{name}_export", "target": f"{name}_match"},
            {"source": f"{name}_match", "target": f"{name}_post"},
            {"source": f"{name}_post", "target": "balance"},
        ]
    nodes += [
        {"id": "balance", "type": "process", "name": "Trial balance", "config": {"value": {"difference": 0}}},
        {"id": "variances", "type": "process", "name": "Variances", "config": {"value": {"largest": 120}}},
        {"id": "material", "type": "condition", "config": {"expression": "outputs.variances.largest > 1000"}},
        {"id": "explain", "type": "ai", "name": "Explain variances", "config": {"model": "echo", "prompt": "Why?"}},
        {"id": "sign_off", "type": "approval", "name": "Sign off", "config": {"question": "Sign the quarter off?"}},
        {"id": "closed", "type": "output", "name": "Closed", "config": {"value": {"closed": True}}},
        {"id": "archived", "type": "process", "name": "Archive", "config": {"value": {}}},
    ]
    edges += [
        {"source": "balance", "target": "variances"},
        {"source": "variances", "target": "material"},
        {"source": "material", "target": "explain", "when": True},
        {"source": "material", "target": "sign_off", "when": False},
        {"source": "explain", "target": "sign_off"},
        {"source": "sign_off", "target": "archived"},
        {"source": "archived", "target": "closed"},
    ]
    about = (
        "Closes a quarter: seven ledgers are exported, matched and posted side by side, then balanced and signed off."
    )
    return {"name": "Quarterly close", "description": about, "nodes": nodes, "edges": edges}


def stocktake(aisles: int = 40, steps: int = 25) -> dict[str, Any]:
    """A thousand nodes: aisles side by side, each counted shelf by shelf."""
    nodes: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    for aisle in range(1, aisles + 1):
        for shelf in range(1, steps + 1):
            name = f"aisle_{aisle}_shelf_{shelf}"
            config = {"value": {"counted": aisle * shelf}}
            nodes.append({"id": name, "type": "process", "name": f"Aisle {aisle}, shelf {shelf}", "config": config})
            if shelf > 1:
                edges.append({"source": f"aisle_{aisle}_shelf_{shelf - 1}", "target": name})
    about = f"Counts {aisles} aisles side by side, {steps} shelves each."
    return {"name": "Stocktake", "description": about, "nodes": nodes, "edges": edges}


def export() -> dict[str, Any]:
    """One node that gives a large value, and names that are long."""
    records = [{"id": at, "system": "orders", "stored": f"Order {at}, delivered"} for at in range(2_500)]
    return {
        "name": "Customer export for the regional data protection office, including archived and merged accounts",
        "description": "Collects what is stored about a customer, as the law asks.",
        "steps": [
            {
                "id": "collect_everything_that_is_stored_about_the_customer",
                "type": "process",
                "name": "Collect everything that is stored about the customer, in every system",
                "config": {"value": {"records": records}},
            },
            {"id": "package", "type": "output", "config": {"value": {"records": 2500, "complete": True}}},
        ],
    }
