"""Stacks under load: blocks and slices are measured and become records."""
