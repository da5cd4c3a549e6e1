#!/usr/bin/env bash
# libzmq 4.3.5 (pyzmq 27.1.0), glibc 2.36: a silent name server stops the connections that need no name.
#
# Guessed: connect("tcp://NAME:PORT") returns at once, so only that socket waits for the name; round trips of other sockets go on.
# Seen: the I/O thread itself calls getaddrinfo, and everything it serves stands still meanwhile. A round trip on 127.0.0.1 to another context
# (p50 below 1 ms) waits 2.0 s with timeout:2 attempts:1, 10.0 s with the resolver's defaults, 20.0 s if there is one search domain, too.
# It does not end with one lookup: libzmq looks the name up again after each reconnect interval, so of 10 s more than 9 stand still.
# - Context(io_threads=2) alone does not help: a socket goes to the least loaded thread, the first of equals. Of two dealers one stands still.
# - It helps to give the threads away: ZMQ_AFFINITY 1 for the dealers and 2 for the socket that connects to the name.
# - It helps to look the name up in a thread of one's own and to connect to the address: libzmq asks nobody about an address.
# Known as libzmq issue 2961.
#
# Needs Python 3.11, its registry, iproute2, and root for network and mount namespaces (exit 69 without them); works in a temporary folder and
# on the loopback of these namespaces, about half a minute; exit 1 if the behaviour is another.
set -euo pipefail
PYZMQ=27.1.0
unshare --net --mount true 2> /dev/null || { echo "this needs root, to make network and mount namespaces" >&2; exit 69; }
work=$(mktemp -d)
runs=()
trap '[ ${#runs[@]} = 0 ] || { kill "${runs[@]}" 2>/dev/null || true; }; rm -rf "$work"' EXIT
cd "$work"

python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check "pyzmq==$PYZMQ"
env/bin/python -c 'import os, zmq; print("libzmq", zmq.zmq_version(), "pyzmq", zmq.__version__, os.confstr("CS_GNU_LIBC_VERSION"))'
echo "hosts: files dns" > nsswitch.conf
printf '%s\n' "nameserver 127.0.0.1" "options timeout:2 attempts:1" > short.conf
printf '%s\n' "nameserver 127.0.0.1" > default.conf
printf '%s\n' "nameserver 127.0.0.1" "search site.example" > search.conf

cat > measure.py <<'PY'
"""Print the p50 before (us), the shortest and longest of the dealers' longest waits after (ms), the time stood still (ms), the questions asked."""
import socket, statistics, sys, threading, time
import zmq
how, name, (threads, dealers, theirs, other, seconds) = sys.argv[1], sys.argv[2], map(int, sys.argv[3:])
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind(("127.0.0.1", 53))  # never answers
silent.setblocking(False)
router = zmq.Context().socket(zmq.ROUTER)
port = router.bind_to_random_port("tcp://127.0.0.1")
def echo():
    while True:
        router.send_multipart(router.recv_multipart())
threading.Thread(target=echo, daemon=True).start()
def trip(dealer):
    start = time.monotonic()
    dealer.send(b"x")
    dealer.recv()
    return time.monotonic() - start
context = zmq.Context(io_threads=threads)
def dealer(affinity):
    made = context.socket(zmq.DEALER)
    made.affinity = affinity
    made.linger = 0
    return made
pool, before = [dealer(theirs) for _ in range(dealers)], []
for one in pool:
    one.connect(f"tcp://127.0.0.1:{port}")
    before += [trip(one) for _ in range(500)]
waits = [[] for _ in pool]
def keep_asking(one, into):
    while time.monotonic() < end:
        into.append(trip(one))
        time.sleep(0.001)
def look_up():
    try:
        socket.getaddrinfo(name, 9, socket.AF_INET)
    except socket.gaierror:
        pass  # a silent name server: there is nothing to connect to
end = time.monotonic() + seconds
work = [threading.Thread(target=keep_asking, args=pair) for pair in zip(pool, waits)]
if how == "own":
    work.append(threading.Thread(target=look_up))
else:
    late = dealer(other)
    late.connect(f"tcp://{name}:9")
for each in work:
    each.start()
for each in work:
    each.join()
questions = 0
try:
    while silent.recv(512):
        questions += 1
except BlockingIOError:
    pass
longest = [max(each) for each in waits]
still = max(sum(wait for wait in each if wait > 1) for each in waits)
print(round(statistics.median(before) * 1e6), *(round(value * 1e3) for value in (min(longest), max(longest), still)), questions)
context.destroy(linger=0)
PY
measure() { # CASE RESOLV.CONF HOW NAME IO_THREADS DEALERS AFFINITY AFFINITY_OF_THE_NAME SECONDS
  # shellcheck disable=SC2016  # the inner shell expands it
  exec unshare --net --mount bash -euc 'ip link set lo up; mount --bind "$1" /etc/resolv.conf; mount --bind nsswitch.conf /etc/nsswitch.conf
    shift; exec env -u RES_OPTIONS -u LOCALDOMAIN env/bin/python measure.py "$@"' measure "${@:2}" > "$1.out"
}

measure one     short.conf   connect peer.example.  1 1 0 0 10 & runs+=($!)
measure default default.conf connect peer.example.  1 1 0 0 1  & runs+=($!)
measure search  search.conf  connect peer.example   1 1 0 0 1  & runs+=($!)
measure two     short.conf   connect peer.example.  2 2 0 0 5  & runs+=($!)
measure apart   short.conf   connect peer.example.  2 2 1 2 5  & runs+=($!)
measure own     short.conf   own     peer.example.  1 1 0 0 5  & runs+=($!)
measure address short.conf   connect 127.0.0.2      1 1 0 0 5  & runs+=($!)
for run in "${runs[@]}"; do wait "$run"; done
runs=()

good=true
expect() { # CASE, the longest wait: LEAST MOST (ms), of the least waiting dealer: MOST (ms), stood still: LEAST (ms), questions: LEAST MOST
  read -r p50 shortest longest still questions < "$1.out"
  echo "$1: before p50 $p50 us; then longest wait $longest ms (least waiting dealer $shortest ms), stood still $still ms, questions $questions"
  [ "$p50" -lt 10000 ] && [ "$longest" -ge "$2" ] && [ "$longest" -lt "$3" ] && [ "$shortest" -lt "$4" ] && [ "$still" -ge "$5" ] \
    && [ "$questions" -ge "$6" ] && [ "$questions" -le "$7" ] || good=false
}
expect one     1900  4000  4000  9000  4 99
expect default 9900  15000 15000 9900  2 99
expect search  19900 25000 25000 19900 4 99
expect two     1900  4000  1000  1900  2 99
expect apart   0     1000  1000  0     1 99
expect own     0     1000  1000  0     1 1
expect address 0     1000  1000  0     0 0
$good || { echo "this is not what was seen"; exit 1; }
