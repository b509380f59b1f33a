"""Routes of projects and their API keys."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from milepost.server.access.keys import Identity
from milepost.server.api import examples
from milepost.server.api.answers import answer, described
from milepost.server.api.bodies import read_body
from milepost.server.api.models import NewKey, NewProject
from milepost.server.api.parameters import Cursor, Limit, to_milliseconds
from milepost.server.api.route import Route
from milepost.server.api.services import AnActor, AServer, InProject
from milepost.server.api.shapes.projects import CreatedKey, KeyPage, Project, ProjectPage
from milepost.server.errors import Forbidden, NotFound
from milepost.server.runs.summaries import project_json
from milepost.server.store.rows import Key, iso


async def list_projects(services: AServer, actor: AnActor, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """The projects that the key sees."""
    return answer(await services.projects.list(actor, limit, cursor))


async def create(services: AServer, actor: AnActor, request: Request) -> Response:
    """A new project; only with the owner's key."""
    new, _ = await read_body(request, NewProject, services.settings.max_body_bytes)
    return answer(project_json(await services.projects.create(actor, new.slug, new.name)), 201)


async def list_keys(call: InProject) -> Response:
    """The project's keys without their secrets, revoked ones included; only with the owner's key."""
    _require_owner(call.actor)
    keys = [key for key in await call.services.keys.list() if key.project_id == call.project.project_id]
    return answer({"items": [_key_json(key) for key in keys], "next_cursor": None})


async def create_key(call: InProject) -> Response:
    """A key for this project alone. Its secret is shown once; only with the owner's key."""
    _require_owner(call.actor)
    new, _ = await read_body(call.request, NewKey, call.services.settings.max_body_bytes)
    expires_at = to_milliseconds(new.expires_at, "expires_at") if new.expires_at is not None else None
    key, secret = await call.services.keys.create(new.name, call.project.project_id, expires_at)
    return answer({**_key_json(key), "secret": secret}, 201)


async def revoke_key(call: InProject, key_id: UUID) -> Response:
    """Make a key invalid, within five seconds everywhere; only with the owner's key."""
    _require_owner(call.actor)
    found = [key for key in await call.services.keys.list() if key.key_id == str(key_id)]
    if not found or found[0].project_id != call.project.project_id:
        raise NotFound(f"there is no key {key_id} in this project")
    await call.services.keys.revoke(str(key_id))
    return Response(status_code=204)


def _require_owner(actor: Identity) -> None:
    if not actor.owner:
        raise Forbidden("only the owner's key may do this")


def _key_json(key: Key) -> dict[str, str | None]:
    return {
        "key_id": key.key_id,
        "project_id": key.project_id,
        "name": key.name,
        "created_at": iso(key.created_at),
        "expires_at": iso(key.expires_at),
        "revoked_at": iso(key.revoked_at),
    }


def routes() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=Route, prefix="/api/projects", tags=["projects"])
    add = router.add_api_route
    listed = examples.page(examples.PROJECT)
    add("", list_projects, **described("GET", "List projects", example=listed, answers=ProjectPage, errors=(400,)))
    add(
        "",
        create,
        **described(
            "POST",
            "Create a project",
            status=201,
            example=examples.PROJECT,
            answers=Project,
            body=NewProject,
            body_example={"slug": "support", "name": "Support"},
            errors=(400, 403, 409, 413),
        ),
    )
    key = _key_json(Key(examples.KEY_ID, examples.PROJECT_ID, "ci", examples.MILLISECONDS, None, None))
    keys = examples.page(key)
    add(
        "/{project_id}/keys",
        list_keys,
        **described("GET", "List keys", example=keys, answers=KeyPage, errors=(403,)),
    )
    add(
        "/{project_id}/keys",
        create_key,
        **described(
            "POST",
            "Create a key",
            status=201,
            example={**key, "secret": "mp_…"},
            answers=CreatedKey,
            body=NewKey,
            body_example={"name": "ci"},
            errors=(400, 403, 413),
        ),
    )
    add(
        "/{project_id}/keys/{key_id:uuid}", revoke_key, **described("DELETE", "Revoke a key", status=204, errors=(403,))
    )
    return router
