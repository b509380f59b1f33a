"""Services that give back every credential that they are sent, and what nodes ask of them."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from tests.openai_server import Answer, OpenAiServer, Refused, Said
from tests.web import Visit, Web

CODE = "def main(input):\n    print('got', input['token'])\n    "


def step(node_id: str, type_: str, config: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A node of a definition."""
    return {"id": node_id, "type": type_, "config": dict(config), **more}


def echo() -> Web:
    """A service that tells what it is sent, in headers and bodies of many kinds."""
    routes = {
        "/echo": _tells,
        "/no": _refuses,
        "/cut": _refuses_at_length,
        "/hop": _redirects,
        "/raw": _gives_bytes,
        "/latin": _misreads,
        "/later": _asks_to_wait,
    }
    return Web(routes)


def given(visit: Visit) -> str:
    """The credential of a request."""
    scheme, _, value = visit.asked.headers.get("authorization", " ").partition(" ")
    return base64.b64decode(value).decode().partition(":")[2] if scheme == "Basic" else value


def _all(visit: Visit) -> dict[str, Any]:
    asked = visit.asked
    target, body = f"{asked.path}?{asked.query}", asked.body.decode()
    return {"to": target, "headers": dict(asked.headers), "body": body, "plain": given(visit)}


async def _tells(visit: Visit) -> None:
    told = json.dumps(_all(visit)).encode()
    key = visit.asked.headers.get("authorization", "")
    await visit.answer(200, told, Content_Type="application/json", Set_Cookie=f"session={key}", X_Given=key)


async def _refuses(visit: Visit) -> None:
    await visit.json(_all(visit), 403)


async def _refuses_at_length(visit: Visit) -> None:
    # Where a message is cut in the middle of the credential.
    await visit.answer(422, (b"x " * 246) + given(visit).encode() + b" " + given(visit).encode() * 200)


async def _redirects(visit: Visit) -> None:
    await visit.answer(302, Location=f"/echo?{visit.asked.query}&back=1")


async def _gives_bytes(visit: Visit) -> None:
    await visit.answer(200, b"\x00" + given(visit).encode() + b"\xff", Content_Type="application/octet-stream")


async def _misreads(visit: Visit) -> None:
    await visit.answer(200, b"it is " + given(visit).encode(), Content_Type="text/plain; charset=latin-1")


async def _asks_to_wait(visit: Visit) -> None:
    await visit.answer(503, given(visit).encode(), Retry_After=f"1 {given(visit)}")


def telling(server: OpenAiServer) -> None:
    """Let a model's server tell the key that it is sent in whatever the prompt says."""

    def answer(body: dict[str, Any]) -> Answer:
        key = server.headers[-1].get("authorization", "").removeprefix("Bearer ")
        first = next(message["content"] for message in body["messages"] if message["role"] == "user")
        answers: dict[str, Answer] = {
            "text": Said(f"The key is {key}, or {base64.b64encode(key.encode()).decode()}.", chunk=3),
            "call": Said(f"I use {key}", calls=(("tell", json.dumps({"token": key, key: [key]})),)),
            "broken call": Said(calls=(("tell", f'["{"x" * 448}{key}"]'), (key, f'{{"a": "{key}'))),
            "refuse": Refused(401, f"Incorrect API key provided: {key}. " + "x" * 420 + key),
            "wait": Refused(429, f"{key} asks too often", {"Retry-After": f"{'9' * 30}{key}"}),
            "no schema": Said(f'{{"b": "{key}"}}'),
        }
        used = sum(message["role"] == "tool" for message in body["messages"])
        return Said(f"done with {key}") if used else answers[first]

    server.answer = answer


def calling(url: str, path: str, token: str, **config: Any) -> dict[str, Any]:
    """The config of a request that has a secret everywhere."""
    return {
        "method": "POST",
        "url": f"{url}{path}?in={token}",
        "query": {"key": token},
        "auth": {"type": "basic", "username": "user", "password": token},
        "json": {"token": token, "again": [f"a{token}b"]},
        **config,
    }


def asking(url: str, prompt: str, **config: Any) -> dict[str, Any]:
    """The config of a question to a model at an address."""
    return {"model": "openai:local", "base_url": url, "api_key": "{{ secrets.PLAIN }}", "prompt": prompt, **config}


def tools(url: str) -> dict[str, Any]:
    """What a model may use: nodes that have secrets."""
    parameters = {"type": "object"}
    request = calling(url, "/echo", "{{ secrets.AWKWARD }}", headers={"X-Say": "{{ args.token }}"})
    bodies = {
        "tell": {"type": "call_api", "config": request},
        "teller": {"type": "teller", "config": {"token": "{{ secrets.AWKWARD }}"}},
        "raiser": {"type": "teller", "config": {"token": "{{ secrets.AWKWARD }}", "way": "raises"}},
    }
    return {"tools": [{"name": name, "parameters": parameters, "node": body} for name, body in bodies.items()]}


def passing(web: str, model: str) -> list[dict[str, Any]]:
    """Nodes that complete though they are told secrets."""
    plain, awkward, hook = "{{ secrets.PLAIN }}", "{{ secrets.AWKWARD }}", "{{ secrets.HOOK }}"
    bearer = {"auth": {"type": "bearer", "token": plain}}
    script = [{"calls": [{"name": name, "arguments": {"token": "a"}} for name in ("tell", "teller", "raiser")]}, "done"]
    body = {"type": "call_api", "config": calling(web, "/echo", awkward)}
    return [
        step("x", "call_api", calling(web, "/echo", awkward), set={"kept": "{{ outputs.x.body }}"}),
        step("x", "call_api", calling(web, "/echo", plain, **bearer)),
        step("x", "call_api", calling(web, "/hop", awkward)),
        step("x", "call_api", calling(web, "/raw", plain)),
        step("x", "call_api", calling(web, "/latin", awkward)),
        step("x", "call_api", {"url": hook}),
        step("x", "map", {"over": [1, 2], "node": body}),
        step("x", "send_notification", {"to": ["ada"], "title": f"a {plain} b", "body": awkward}),
        step("x", "send_notification", {"channel": "webhook", "url": hook, "title": plain, "headers": {"X": plain}}),
        step("x", "create_task", {"title": "{{ outputs.t.token }}", "description": "as {{ outputs.n.forms }}"}),
        step("x", "code", {"input": {"token": "{{ outputs.n.forms }}"}, "source": f"{CODE}return input"}),
        step("x", "ai", asking(model, "text")),
        step("x", "ai", asking(model, "call", **tools(web))),
        step("x", "ai", asking(model, "broken call", **tools(web))),
        step("x", "ai", {"model": "scripted", "prompt": "p", "script": script, **tools(web)}),
    ]


def failing(web: str, model: str) -> list[dict[str, Any]]:
    """Nodes that fail, and say why."""
    plain, awkward, hook = "{{ secrets.PLAIN }}", "{{ secrets.AWKWARD }}", "{{ secrets.HOOK }}"
    again = {"retry": {"max_attempts": 2, "initial_interval": 0.01}}
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "maxLength": 3}}}
    lost = web.replace("127.0.0.1", plain)
    return [
        step("x", "call_api", calling(web, "/no", awkward)),
        step("x", "call_api", calling(web, "/cut", plain)),
        step("x", "call_api", calling(web, "/cut", awkward)),
        step("x", "call_api", calling(web, "/later", awkward), **again),
        step("x", "call_api", calling(web, "/hop", awkward, expect_status=201)),
        step("x", "call_api", calling(web, "/echo", "a", headers={"X": f"a{{{{ '\\n' }}}}{plain}"})),
        step("x", "call_api", calling(web, "/echo", "a", headers={"X": awkward})),
        step("x", "call_api", {"url": f"{web.replace('http', plain)}/"}),
        step("x", "call_api", {"url": f"{lost}/"}),
        step("x", "call_api", {"url": hook, "expect_status": 201}),
        step("x", "map", {"over": [1], "node": {"type": "call_api", "config": calling(web, "/cut", awkward)}}),
        step("x", "send_notification", {"to": ["ada"], "title": plain * 11}),
        step("x", "send_notification", {"channel": "webhook", "url": f"{web}/no/{awkward}", "title": plain}),
        step("x", "send_notification", {"channel": "webhook", "url": f"{lost}/", "title": plain}, **again),
        step("x", "create_task", {"title": "t", "due": "{{ outputs.t.token }}"}),
        step("x", "code", {"input": {"token": "{{ outputs.n.forms }}"}, "source": f"{CODE}raise ValueError(input)"}),
        step("x", "ai", asking(model, "refuse")),
        step("x", "ai", asking(model, "refuse", **tools(web))),
        step("x", "ai", asking(model, "wait")),
        step("x", "ai", asking(model, "no schema", output_schema=schema)),
        step("x", "ai", asking(f"{lost}/v1", "text"), **again),
        step("x", "ai", asking(plain, "text")),
    ]
