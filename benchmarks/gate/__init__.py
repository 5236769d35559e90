"""How often the gate is wrong, measured on changes of known size."""
