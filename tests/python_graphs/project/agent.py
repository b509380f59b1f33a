"""An agent with a tool, and a model that follows a script."""

from collections.abc import Callable, Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool


class Script(BaseChatModel):
    """Asks for the weather once, then tells it."""

    @property
    def _llm_type(self) -> str:
        return "script"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> "Script":
        """The script knows its tools."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        last = messages[-1]
        if isinstance(last, ToolMessage):
            said = AIMessage(f"It is {last.content}.", id="second")
        else:
            said = AIMessage("", id="first", tool_calls=[ToolCall(name="weather", args={"city": "Bern"}, id="call")])
        return ChatResult(generations=[ChatGeneration(message=said)])


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


tools: list[Callable[..., Any]] = [weather]
agent = create_agent(Script(), tools)
