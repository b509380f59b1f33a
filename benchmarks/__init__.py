"""Every speed that is claimed, each with one command: `python -m benchmarks [name…] [--write]`."""
