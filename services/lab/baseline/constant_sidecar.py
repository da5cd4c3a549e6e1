"""A sidecar that gives every device the same answer.

`python -m services.lab.baseline.constant_sidecar SOCKET SERVER`. It takes provbus' place when the plant boots
against the bare TFTP loop, so that the same modems drive both.
"""

import json
import os
import sys
from pathlib import Path

from bus.effects import Reply
from bus.messages import LocalRequest
from bus.runtime.local_socket import LocalServer
from bus.transport.poller import Poller


def main() -> None:
    """Answer every request until killed."""
    path, server = sys.argv[1:]
    poller = Poller()
    local = LocalServer(poller, Path(path), os.getegid())
    print(json.dumps({"ready": True}), flush=True)
    number = 0
    while True:
        for request in poller.poll(None):
            assert isinstance(request, LocalRequest)
            number += 1
            answer = {
                "id": request.body["id"],
                "file": f"{number:016x}.cm",
                "fileid": f"{number:016x}",
                "next_server": server,
                "acked": True,
                "sealed": "full",
            }
            local.reply(Reply(request.session, answer))


if __name__ == "__main__":
    main()
