"""Programs that are run in the trees of both releases, so they use only what both have, and nothing of tests.

Each reads JSON lines and answers each by one: the tests call it here, and a process calls it in the baseline.
"""
