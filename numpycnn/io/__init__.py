"""Model files, one format a module."""
