"""A workflow whose model has no key or no package is saved with a warning and refused when it is executed."""

from typing import Any

import pytest

from tests.api.conftest import Site


def asking(model: str) -> dict[str, Any]:
    """A definition that asks a model inside a `map`."""
    node = {"type": "ai", "config": {"model": model, "prompt": "x"}}
    return {"nodes": [{"id": "a", "type": "map", "config": {"over": [1], "node": node}}]}


@pytest.mark.parametrize(
    ("model", "named"), [("openai:gpt-5-mini", "OPENAI_API_KEY"), ("anthropic:claude", "langchain-anthropic")]
)
async def test_what_cannot_run_here_is_saved_and_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch, model: str, named: str
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    validated = await site.client.post(f"{site.base}/validate", json={"definition": asking(model)})
    (warning,) = validated.json()["warnings"]
    assert (warning["code"], warning["path"]) == ("not_runnable", "nodes[0].config.node.config.model")
    assert named in warning["message"]
    saved = await site.client.post(site.base, json={"name": "a", "definition": asking(model)})
    assert saved.status_code == 201
    body = {"workflow_id": saved.json()["workflow_id"]}
    run = await site.client.post(f"{site.base}/runs", json=body)
    assert run.status_code == 201
    refused = await site.client.post(f"{site.base}/runs/{run.json()['run_id']}/execute")
    at_once = await site.client.post(f"{site.base}/runs", json={**body, "execute": True})
    for answer in (refused, at_once):
        assert answer.status_code == 422
        assert answer.json()["code"] == "not_runnable"
        assert named in answer.json()["detail"]
        assert answer.json()["errors"][0]["path"] == "nodes[0].config.node.config.model"
