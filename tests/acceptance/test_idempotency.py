"""A start that is asked for twice happens once."""

import asyncio

from tests.acceptance.definitions import trace
from tests.acceptance.process import RUNS, ServerProcess
from tests.acceptance.traces import Traces


async def test_two_requests_with_one_idempotency_key_make_one_run(server: ServerProcess, traces: Traces) -> None:
    workflow_id = await server.workflow({"name": "once", "steps": [trace("a", traces.path)]})
    body = {"workflow_id": workflow_id, "execute": True}
    headers = {"Idempotency-Key": "order-1"}
    answers = await asyncio.gather(*(server.client.post(RUNS, json=body, headers=headers) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    (run_id,) = {answer.json()["run_id"] for answer in answers}
    await server.ended(run_id)
    assert len((await server.get(""))["items"]) == 1
    assert traces.of(run_id) == ["a"]
    other = await server.client.post(RUNS, json={**body, "input_data": {"x": 1}}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    await server.kill()
    await server.start()
    again = await server.client.post(RUNS, json=body, headers=headers)
    assert (again.status_code, again.json()["run_id"]) == (201, run_id)
