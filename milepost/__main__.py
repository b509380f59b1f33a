"""`python -m milepost` is the command `milepost`."""

from milepost.server.cli import main

main()
