"""Generators on other machines: a master that the harness starts, and workers that join it over Locust's own RPC.

``master`` and ``worker`` are processes, which import Locust; ``joined`` and ``enlisted`` are the handles that the two
sides of the command line have on them. What they say to each other is in ``speech``, who may say it in ``session``.
"""
