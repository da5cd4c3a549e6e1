"""Whole plants that change their column while everything runs, in virtual time: that there are never two."""
