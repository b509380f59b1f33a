"""The Milepost server: who may ask for a run, and how it is driven."""
