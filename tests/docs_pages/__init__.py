"""The pages of `docs/`: what is generated in them (`make docs` writes it), and how their examples are run."""
