"""The canonical HTTP and WebSocket routes: parse, call a use case, render. No SQL and no LangGraph."""
