"""Keras's constraints on weights, of which there are none here: each name says what to use instead."""

from .missing import of_constraints as __getattr__  # noqa: F401  # Python asks it for names that are not there
