"""A small price service."""

__version__ = "1.0.0"
