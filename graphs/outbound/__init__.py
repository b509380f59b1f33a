"""Requests that nodes send out of the server."""
