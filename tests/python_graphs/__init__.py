"""Graphs written in Python, run by a real engine and compared with LangGraph alone."""
