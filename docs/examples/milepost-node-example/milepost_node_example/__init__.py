"""Two node types for Milepost."""
