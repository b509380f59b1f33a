"""Graphs that users write in Python: found through `langgraph.json`, loaded, described and watched while they run."""
