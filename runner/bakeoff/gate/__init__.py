"""The gate: base and head up at once under one load, and a verdict that says how sure it is."""
