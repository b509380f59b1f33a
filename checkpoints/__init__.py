"""Where a run can stop: the LangGraph checkpointer, history, diff, fork, pruning. Imports langgraph, never server."""

import os

# LangGraph reads this once, when it is imported: a checkpoint may construct only the types that are listed.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
