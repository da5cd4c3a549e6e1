"""The parent of a sidecar: it waits, and gives back the role of a child that died with it."""
