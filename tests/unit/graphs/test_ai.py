"""The node type `ai` and the two models that need no network and no key."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from milepost.graphs import NodeFailure
from milepost.graphs.models import EchoModel, NotRunnable, ScriptedModel, chat_model, words
from milepost.graphs.node_types.ai import AiConfig, conversation
from tests.unit.graphs.recording import Ran, execute, node


async def ask(**settings: Any) -> Ran:
    """Run one `ai` node."""
    return await execute({"nodes": [node("a", "ai", **settings)]}, {"topic": "tea"})


async def test_echo_streams_the_prompt_word_by_word() -> None:
    ran = await ask(model="echo", prompt="Write about {{ input.topic }},\nplease")
    assert ran.recorder.told("delta") == ["Write ", "about ", "tea,\nplease"]
    assert ran.output == {
        "text": "Write about tea,\nplease",
        "model": "echo",
        "usage": {"input_tokens": 4, "output_tokens": 4, "total_tokens": 8},
    }


@pytest.mark.parametrize(("given", "said"), [({"a": [1, None]}, '{"a":[1,null]}'), (7, "7"), ("x", "x")])
async def test_a_prompt_that_is_no_text_becomes_one(given: Any, said: str) -> None:
    ran = await execute({"nodes": [node("a", "ai", model="echo", prompt="{{ input.given }}")]}, {"given": given})
    assert ran.output["text"] == said


async def test_scripted_says_what_the_script_has_for_the_turn() -> None:
    script = ["first", "second {{ input.topic }}"]
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    assert (await ask(model="scripted", prompt="x", script=script)).output["text"] == "first"
    assert (await ask(model="scripted", messages=messages, script=script)).output["text"] == "second tea"
    assert (await ask(model="scripted", messages=messages * 4, script=script)).output["text"] == "second tea"


async def test_a_model_answers_without_streaming_too() -> None:
    assert (await EchoModel().ainvoke([HumanMessage("a b")])).text == "a b"
    model = ScriptedModel(script=["x", "y"])
    assert model.invoke([HumanMessage("a"), AIMessage("x"), HumanMessage("b")]).text == "y"


def test_words_are_the_text() -> None:
    for text in ("", " ", "a", "a b", " a  b\n c "):
        assert "".join(words(text)) == text


async def test_an_output_schema_makes_data_of_the_reply() -> None:
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    for reply in ('{"n": 1}', '```json\n{"n": 1}\n```'):
        ran = await ask(model="scripted", prompt="x", script=[reply], output_schema=schema)
        assert ran.output["data"] == {"n": 1}
    for reply in ("no json", '{"n": "one"}'):
        with pytest.raises(NodeFailure) as raised:
            await ask(model="scripted", prompt="x", script=[reply], output_schema=schema)
        assert raised.value.code == "invalid_output"


def test_a_conversation_begins_with_the_system() -> None:
    config = AiConfig(model="echo", prompt="hello", system="Be brief.", output_schema={"type": "string"})
    system, human = conversation(config)
    assert system.text.startswith("Be brief.")
    assert '{"type":"string"}' in system.text
    assert human.text == "hello"


def test_a_provider_that_is_not_installed_is_named() -> None:
    with pytest.raises(NotRunnable) as raised:
        chat_model("xai:model")
    assert "langchain-xai" in str(raised.value)


async def test_a_model_that_cannot_be_made_fails_its_node() -> None:
    with pytest.raises(NodeFailure) as raised:
        await ask(model="nosuch:model", prompt="x")
    assert raised.value.code == "not_runnable"
