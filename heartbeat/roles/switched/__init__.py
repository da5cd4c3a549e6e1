"""A role whose authority a switch may change."""
