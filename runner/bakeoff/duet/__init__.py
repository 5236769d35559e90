"""Base and head at work: their revisions, their blocks, the gate that watches them."""
