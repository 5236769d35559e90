"""Generators on other machines: the channel from the harness, the master, to workers that join it over ZeroMQ."""
