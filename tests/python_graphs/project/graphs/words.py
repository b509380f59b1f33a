"""Words."""

WORD = "graphs"
