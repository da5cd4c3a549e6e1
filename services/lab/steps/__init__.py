"""The steps of a scenario: what the lab does to a running site, one file per subject."""
