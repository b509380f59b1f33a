"""Drives runs: claims them, runs their graphs, commits every step. Knows nothing of HTTP."""
