"""What a server answers, held against the OpenAPI document: a field that is not documented is an error here."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from milepost.server.api.api import create_api
from milepost.server.api.documentation import openapi
from milepost.server.app import build
from milepost.server.config import load_settings
from milepost.server.serving import services

JSON = "application/json"

Operation = tuple[str, str]


def closed(schema: Any) -> Any:
    """A schema that refuses what it does not name. Objects of which it names nothing stay free."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    # An example or an enumeration is a value, not a schema.
    inner = {key: value if key in ("enum", "example") else closed(value) for key, value in schema.items()}
    return {**inner, "additionalProperties": False} if isinstance(schema.get("properties"), dict) else inner


class Documented:
    """A document, and which of its operations were seen to answer what it says."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.seen: set[Operation] = set()
        self._components = {"schemas": closed(document["components"]["schemas"])}
        # Fixed words before parameters, as the server's routes have it.
        self._paths = [(re.compile(re.sub(r"{\w+}", "[^/]+", path)), path) for path in self._by_parameters()]

    def _by_parameters(self) -> list[str]:
        return sorted(self.document["paths"], key=lambda path: path.count("{"))

    def of_json(self) -> set[Operation]:
        """Every operation whose good answer has a JSON body."""
        return {
            (method.upper(), path)
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
            if any(JSON in answer.get("content", {}) for answer in self.good(operation).values())
        }

    @staticmethod
    def good(operation: Mapping[str, Any]) -> dict[str, Any]:
        """The answers of an operation that are no problems."""
        return {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}

    def errors(self, schema: Mapping[str, Any], value: Any) -> list[str]:
        """What of a value a schema of the document does not allow."""
        whole = {**closed(schema), "components": self._components}
        checker = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
        return [f"{error.json_path}: {error.message[:300]}" for error in checker.iter_errors(value)]

    def message(self, name: str, value: Any) -> None:
        """Hold a message of a socket against the schema of that name."""
        assert not (found := self.errors({"$ref": f"#/components/schemas/{name}"}, value)), f"{name}: {found}"

    def answer(self, method: str, path: str, status: int, body: Any) -> None:
        """Hold the JSON body of an answer against what the document says of it."""
        template = next((template for pattern, template in self._paths if pattern.fullmatch(path)), None)
        assert template is not None, f"{method} {path} is not documented"
        content = self.document["paths"][template][method.lower()]["responses"][str(status)]["content"]
        found = self.errors(content[JSON]["schema"], body)
        assert not found, f"{method} {template} {status}: {found}"
        self.seen.add((method, template))

    async def response(self, response: httpx.Response) -> None:
        """The same for a response: a hook for httpx clients."""
        path = response.request.url.path
        if response.headers.get("content-type") == JSON and path != "/openapi.json":
            await response.aread()
            self.answer(response.request.method, path, response.status_code, response.json())


@cache
def _document(data: Path) -> dict[str, Any]:
    return openapi(create_api(services(build(load_settings(data=data)))), "1.2.3")


def documented(data: Path) -> Documented:
    """The document of a server that is not opened; ``data`` stays empty."""
    return Documented(_document(data))
