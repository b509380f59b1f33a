"""Routes of a project's secrets. None gives a value."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from milepost.server.api import examples
from milepost.server.api.answers import answer, described
from milepost.server.api.bodies import read_body
from milepost.server.api.models import SecretForm
from milepost.server.api.parameters import Cursor, Limit
from milepost.server.api.route import Route
from milepost.server.api.services import InProject
from milepost.server.api.shapes.projects import Secret, SecretPage
from milepost.server.runs.cursors import make_cursor, read_cursor
from milepost.server.store.rows import SecretRow, iso

SecretName = Annotated[
    str,
    Path(description="Letters, digits and _.", pattern="^[A-Za-z_][A-Za-z0-9_]{0,63}$", examples=["OPENAI_API_KEY"]),
]


async def list_secrets(call: InProject, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """The names of the project's secrets, and when each was set first and last."""
    after = read_cursor(cursor, str)[0] if cursor else ""
    rows = await call.services.secrets.page(call.project.project_id, after, limit + 1)
    more = make_cursor(rows[limit - 1].name) if len(rows) > limit else None
    return answer({"items": [_json(row) for row in rows[:limit]], "next_cursor": more})


async def put_secret(call: InProject, name: SecretName) -> Response:
    """Set a secret, or replace its value: runs use the new one from their next attempt on."""
    form, _ = await read_body(call.request, SecretForm, call.services.settings.max_body_bytes)
    return answer(_json(await call.services.secrets.set(call.actor, call.project.project_id, name, form.value)))


async def delete_secret(call: InProject, name: SecretName) -> Response:
    """Forget a secret."""
    await call.services.secrets.delete(call.actor, call.project.project_id, name)
    return Response(status_code=204)


def _json(row: SecretRow) -> dict[str, str | None]:
    return {"name": row.name, "created_at": iso(row.created_at), "updated_at": iso(row.updated_at)}


def routes() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=Route, prefix="/api/projects/{project_id}/secrets", tags=["projects"])
    add = router.add_api_route
    secret = _json(SecretRow("OPENAI_API_KEY", examples.MILLISECONDS, examples.MILLISECONDS))
    listed = examples.page(secret)
    add("", list_secrets, **described("GET", "List secrets", example=listed, answers=SecretPage, errors=(400,)))
    add(
        "/{name}",
        put_secret,
        **described(
            "PUT",
            "Set a secret",
            example=secret,
            answers=Secret,
            body=SecretForm,
            body_example={"value": "…"},
            errors=(400, 413),
        ),
    )
    add("/{name}", delete_secret, **described("DELETE", "Delete a secret", status=204))
    return router
