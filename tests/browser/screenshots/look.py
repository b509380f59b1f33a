"""How the pages are looked at: themes and widths."""

from typing import Any

THEMES = ("light", "dark")
HEIGHTS = {1440: 900, 768: 1024, 390: 844}


def look(theme: str, width: int) -> dict[str, Any]:
    """What a browser's profile is made with."""
    return {
        "viewport": {"width": width, "height": HEIGHTS[width]},
        "color_scheme": theme,
        "reduced_motion": "reduce",
        "locale": "en-GB",
    }
