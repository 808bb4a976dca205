"""Models in other systems, one system a file; each imports what it needs when it is used."""
