"""Where the modules are that an instance of the same tree runs: `python whence.py` prints it as JSON."""

import json
import sys
from importlib import import_module

PACKAGES = ("bus", "fileid", "heartbeat", "services")
PROGRAMS = ("services.cfm.process", "services.sidecar.process", "services.cli.main")


def places() -> list[str]:
    """The file of every module of ours that is needed to run an instance."""
    for name in PROGRAMS:
        import_module(name)
    ours = {name: one for name, one in sys.modules.items() if name.partition(".")[0] in PACKAGES}
    return sorted(str(one.__file__) for one in ours.values())


if __name__ == "__main__":
    print(json.dumps(places()))
