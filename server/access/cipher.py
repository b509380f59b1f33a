"""Encrypts the values of secrets with the server's key: of the settings, or of a file in the data directory."""

import hmac
import os
import secrets
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from milepost.server.access.private_file import read_line, write_line
from milepost.server.errors import SecretUnreadable

KEY_FILE = "secret.key"

_NONCE = 12
"""Bytes before each ciphertext; AES-GCM must never get the same twice under one key."""

_PURPOSE = b"milepost secrets, version 1"


class Cipher:
    """Reads the key, or makes it, when it is first needed."""

    def __init__(self, data: Path, given: SecretStr | None) -> None:
        self._path = data / KEY_FILE
        self._given = given

    def seal(self, project_id: str, name: str, value: str) -> bytes:
        """The ciphertext of a secret, which only opens as this name of this project."""
        if self._known is None:
            write_line(self._path, secrets.token_urlsafe(32))
            del self._known
        nonce = os.urandom(_NONCE)
        sealed: bytes = self._gcm.encrypt(nonce, value.encode(), _place(project_id, name))
        return nonce + sealed

    def open(self, project_id: str, name: str, sealed: bytes) -> str:
        """The value.

        Raises:
            SecretUnreadable: there is no key, or it is another one, or the row was changed.
        """
        if self._known is None:
            raise SecretUnreadable(
                f"the key of the stored secrets, {self._path}, is missing: put the file back from your backup, set "
                "MILEPOST_SECRET_KEY to what was in it, or delete the secrets with `milepost secret delete`"
            )
        try:
            value: bytes = self._gcm.decrypt(sealed[:_NONCE], sealed[_NONCE:], _place(project_id, name))
        except self._invalid as error:
            raise SecretUnreadable(
                f"secret {name} cannot be read with the key of {self._source}: give the server the key that it was "
                "stored with, or set the secret anew after `milepost secret delete`"
            ) from error
        return value.decode()

    @property
    def _source(self) -> str:
        return str(self._path) if self._given is None else "MILEPOST_SECRET_KEY"

    @cached_property
    def _known(self) -> str | None:
        return read_line(self._path) if self._given is None else self._given.get_secret_value()

    @cached_property
    def _gcm(self) -> Any:
        # It is 256 random bits, or as good as that: one keyed hash makes a key of it for this purpose alone.
        key = hmac.digest((self._known or "").encode(), _PURPOSE, "sha256")
        # Importing takes a twentieth of a second, which a server without secrets need not wait for.
        return import_module("cryptography.hazmat.primitives.ciphers.aead").AESGCM(key)

    @cached_property
    def _invalid(self) -> type[Exception]:
        found: type[Exception] = import_module("cryptography.exceptions").InvalidTag
        return found


def _place(project_id: str, name: str) -> bytes:
    return f"{project_id}\0{name}".encode()
