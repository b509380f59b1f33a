"""A graph in a package called server, which uses the one called graphs."""

from graphs.research import State
from langgraph.graph import END, START, StateGraph


async def answers(state: State) -> dict[str, str]:
    """The word."""
    return {"word": "server"}


graph = StateGraph(State).add_node(answers).add_edge(START, "answers").add_edge("answers", END).compile()
