"""Progress, custom events, the stream writer, and a model's text."""

from langchain_core.callbacks import adispatch_custom_event, dispatch_custom_event
from langchain_core.language_models import FakeListChatModel
from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

model = FakeListChatModel(responses=["one two"])


class State(TypedDict):
    """What the model said."""

    text: str


async def works(state: State, config: RunnableConfig) -> dict[str, str]:
    """Say how far it is."""
    await adispatch_custom_event("progress", {"fraction": 0.4, "message": "almost half"}, config=config)
    await adispatch_custom_event("found", {"things": 3}, config=config)
    get_stream_writer()({"note": "to the stream"})
    return {}


def in_thread(state: State) -> dict[str, str]:
    """The same from a thread."""
    dispatch_custom_event("progress", 0.9)
    return {}


async def speaks(state: State) -> dict[str, str]:
    """Let the model speak."""
    answer = await model.ainvoke("go")
    return {"text": str(answer.content)}


graph = (
    StateGraph(State)
    .add_node(works)
    .add_node(in_thread)
    .add_node(speaks)
    .add_edge(START, "works")
    .add_edge("works", "in_thread")
    .add_edge("in_thread", "speaks")
    .add_edge("speaks", END)
    .compile()
)
