"""Ratios that others have published, measured on this machine with their settings."""
