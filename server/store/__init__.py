"""All SQL of the server, named, in .sql files. Rows become frozen dataclasses here; nothing outside writes SQL."""
