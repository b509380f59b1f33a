"""Use cases: what may be asked of workflows and runs. Each decides, writes one unit, and tells the engine."""
