"""The server below a path of its proxy's: requests come with the prefix or, where the proxy takes it away, without."""

from starlette.types import ASGIApp, Receive, Scope, Send


class Prefix:
    """Takes ``root_path`` from the paths that begin with it. Routes know nothing of it."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        below = scope.get("path", "").removeprefix(self._root_path)
        if below != scope.get("path") and (not below or below.startswith("/")):
            scope = {**scope, "path": below or "/"}
        await self._app(scope, receive, send)
