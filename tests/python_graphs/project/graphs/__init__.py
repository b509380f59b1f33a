"""A package of the project's own, called graphs."""
