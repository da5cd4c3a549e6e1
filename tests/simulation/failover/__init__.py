"""Whole plants under election, in virtual time: that there are never two."""
