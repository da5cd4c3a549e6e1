"""The steps of a scenario: the lab's actions on a running site, one file per subject."""
