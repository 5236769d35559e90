"""The oracle: a small HTTP/1.1 server that behaves exactly as told and keeps its own account.

A load generator is certified against it: what the generator reports must agree with what the oracle did. ``behaviour``
and ``truth`` are pure and compute, without any server, what happens to each request; ``process`` starts a server.
"""
