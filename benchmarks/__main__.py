"""`python -m benchmarks [name…] [--write]`: measures, prints a table, and writes README.md only when told to."""

import argparse
import asyncio

from benchmarks import blocked, cancel, chain, eta, fan_out, pause, speed, start, viewers, waiting, web
from benchmarks.figures import table, write

SUBJECTS = {
    module.__name__.rpartition(".")[2]: module
    for module in (speed, cancel, pause, blocked, viewers, start, chain, eta, waiting, fan_out, web)
}


def main() -> None:
    """Run the named benchmarks, or all, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(SUBJECTS)}; all when none is given")
    parser.add_argument("--write", action="store_true", help="put the figures into benchmarks/README.md")
    options = parser.parse_args()
    if unknown := set(options.names) - SUBJECTS.keys():
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    for name in options.names or SUBJECTS:
        subject = SUBJECTS[name]
        figures = asyncio.run(subject.measure())
        print(f"\n{name}: {subject.TITLE}\n\n{table(figures)}", flush=True)
        if options.write:
            write(name, subject.TITLE, figures)


if __name__ == "__main__":
    main()
