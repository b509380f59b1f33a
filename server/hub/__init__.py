"""Live fan-out: what the writer commits reaches whoever watches. Knows neither HTTP nor who may watch."""
