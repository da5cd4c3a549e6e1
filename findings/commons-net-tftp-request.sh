#!/usr/bin/env bash
# Apache Commons Net 3.11.1: a TFTP read whose request is lost is never asked for again; the client waits 5 times 5 s and gives up.
#
# Guessed: setMaxTimeouts(5) is how often a packet is sent again when no answer comes, as in RFC 1350's "retransmit his last packet".
# Seen: of a read request that nobody answers exactly one datagram leaves in 25 s.
# What follows: with one datagram in ten lost, one read in ten fails after 25 s whatever the server does; whoever uses it must ask again himself.
#
# Needs Java 17, Maven and Python 3; works in a temporary folder and on 127.0.0.1, half a minute; exit 1 if the behaviour is another.
set -euo pipefail
VERSION=3.11.1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mvn --quiet --batch-mode dependency:copy "-Dartifact=commons-net:commons-net:$VERSION" -DoutputDirectory=. > /dev/null

cat > Read.java <<'JAVA'
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import org.apache.commons.net.tftp.TFTP;
import org.apache.commons.net.tftp.TFTPClient;

class Read {
    public static void main(String[] words) throws Exception {
        TFTPClient client = new TFTPClient();
        client.open();
        System.out.println("commons-net: max timeouts " + client.getMaxTimeouts());
        long begun = System.nanoTime();
        try {
            client.receiveFile("file", TFTP.BINARY_MODE, new ByteArrayOutputStream(),
                InetAddress.getByName("127.0.0.1"), Integer.parseInt(words[0]));
        } catch (IOException error) {
            System.out.println(error.getMessage() + " after " + Math.round((System.nanoTime() - begun) / 1e9) + " s");
        }
    }
}
JAVA
cat > ask.py <<'PY'
"""Run the client against a server that never answers; print what it says, and how many datagrams came."""
import socket, subprocess, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
server.setblocking(False)
words = ["java", "-cp", sys.argv[1], "Read.java", str(server.getsockname()[1])]
print(subprocess.run(words, capture_output=True, text=True, timeout=120).stdout, end="")
count = 0
while True:
    try:
        server.recvfrom(2048)
        count += 1
    except BlockingIOError:
        break
print("datagrams:", count)
PY
said=$(python3 ask.py "commons-net-$VERSION.jar")
echo "$said"
[ "$said" = "commons-net: max timeouts 5
Connection timed out. after 25 s
datagrams: 1" ]
