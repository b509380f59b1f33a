"""Pictures of every page: light and dark, at three widths, with real runs of a real server."""
