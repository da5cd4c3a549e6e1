#!/usr/bin/env bash
# npm tftp 0.1.2: its reads ask for the option `timeout 3000`, which is no value of RFC 2349 (1 to 255 seconds).
#
# Guessed: its setting `timeout: 3000` is in milliseconds, for its own timer, and the option says 3.
# Seen: the number goes out as it is, unasked for, on every read: blksize 1468, timeout 3000, windowsize 4 (or what is set), rollover 0, tsize 0.
# What follows for a server: an option whose value is not legal must count as not asked (RFC 2347). A server that refuses the request for it, or
# repeats it in its OACK, loses this client; one that takes it for seconds holds a read that nobody wants for 50 minutes at each try.
#
# Needs node, npm and Python 3; works in a temporary folder and on 127.0.0.1, a few seconds; exit 1 if the behaviour is another.
set -euo pipefail
VERSION=0.1.2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund "tftp@$VERSION" > /dev/null
node -p '"tftp " + require("tftp/package.json").version + ", node " + process.version'

cat > ask.py <<'PY'
"""Take one read request of the client, print its options, and end the client."""
import socket, subprocess
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
server.settimeout(30)
script = "require('tftp').createClient({host: '127.0.0.1', port: %d}).get('file', 'copy', () => {})" % server.getsockname()[1]
client = subprocess.Popen(["node", "-e", script])
data, _ = server.recvfrom(2048)
client.kill()
client.wait()
name, mode, *words = data[2:].rstrip(b"\0").split(b"\0")
print(*(f"{option.decode()}={value.decode()}" for option, value in zip(words[::2], words[1::2])))
PY
asked=$(python3 ask.py)
echo "asked: $asked"
[ "$asked" = "blksize=1468 timeout=3000 windowsize=4 rollover=0 tsize=0" ]
