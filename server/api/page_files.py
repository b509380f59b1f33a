"""The page as it was built into a folder: each file with its compressed forms, read into memory as one build."""

import gzip
import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

INDEX = "index.html"
STAMP = ".built"
"""Written when all the rest is there, and removed first: a folder without it holds half a build."""

ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""Content codings that the build writes beside a file, best first."""

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class File:
    """One file of the page. ``forms`` are its bytes by content coding; ``identity`` is always there."""

    media_type: str
    etag: str
    forms: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Build:
    """A whole build: files by their path below the page's root. Styles with ``nonce`` are the page's own."""

    stamp: tuple[int, int]
    nonce: str
    files: Mapping[str, File]


def stamp_of(folder: Path) -> tuple[int, int] | None:
    """What tells one build from the next; None where none is there or one is being written."""
    try:
        found = (folder / STAMP).stat()
        (folder / INDEX).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def read_build(folder: Path, base: str) -> Build | None:
    """The build in ``folder``, to be served below the path ``base``, which ends with a slash. None: there is none."""
    stamp = stamp_of(folder)
    if stamp is None:
        return None
    nonce = secrets.token_urlsafe(16)
    files = dict(_files(folder))
    files[INDEX] = _index(folder / INDEX, base, nonce)
    return Build(stamp, nonce, files)


def _files(folder: Path) -> Iterator[tuple[str, File]]:
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    for name, path in paths.items():
        if path.name.startswith(".") or path.suffix in ENCODINGS.values() or name == INDEX:
            continue
        compressed = {coding: paths.get(f"{name}{suffix}") for coding, suffix in ENCODINGS.items()}
        yield name, _file(name, path.read_bytes(), {coding: at.read_bytes() for coding, at in compressed.items() if at})


def _index(path: Path, base: str, nonce: str) -> File:
    """The page itself, which learns here where it is served and how it may mark styles that it makes."""
    told = f'<base href="{base}"><meta property="csp-nonce" nonce="{nonce}">'
    text = re.sub(r"<base[^>]*>", "", path.read_text(encoding="utf-8"))
    before, head, after = text.partition("<head>")
    content = f"{before}{head}{told}{after}".encode()
    return _file(INDEX, content, {"gzip": gzip.compress(content, mtime=0)})


def _file(name: str, content: bytes, compressed: Mapping[str, bytes]) -> File:
    media_type = TYPES.get(Path(name).suffix, "application/octet-stream")
    return File(media_type, hashlib.sha256(content).hexdigest()[:20], {**compressed, "identity": content})
