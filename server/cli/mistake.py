"""What a user did wrong: one line on stderr and exit code 2, never a traceback."""

import typer


class Mistake(typer.TyperException):
    """``message`` says what is wrong and what to do about it."""

    exit_code = 2
