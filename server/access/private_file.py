"""Files with one line that nobody but the server's user may read."""

import os
from pathlib import Path


def read_line(path: Path) -> str | None:
    """The line; None where there is no such file, or nothing in it that is one."""
    try:
        return path.read_text(encoding="ascii").strip() or None
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def write_line(path: Path, line: str) -> None:
    """Write the file anew, with mode 0600."""
    # Written aside and moved, so that neither a crash nor another user's eyes find half a file or an open one.
    aside = path.with_suffix(".new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
