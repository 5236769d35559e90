"""Bakeoff compares Python web stacks, WSGI and ASGI, with numbers that a sceptic would accept."""
