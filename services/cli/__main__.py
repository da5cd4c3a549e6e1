"""`python -m services.cli`: the command, for where it is not on the path."""

from services.cli.main import main

main()
