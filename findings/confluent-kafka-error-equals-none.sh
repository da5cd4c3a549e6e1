#!/usr/bin/env bash
# confluent-kafka 2.16.1 (Python 3.11): to compare a KafkaError with None breaks whatever line comes next.
#
# Guessed: `error == None`, or `None in errors` for a list of what delivery callbacks gave, is False, as for any object of another type.
# Seen: it raises nothing by itself and leaves a TypeError ('NoneType' object cannot be interpreted as an integer) pending in the interpreter.
# The next call of a C function ends with "SystemError: ... returned a result with an exception set", here time.monotonic(), which has
# nothing to do with it; or, if a look into a dictionary came first and dropped it, nothing happens: so it comes and goes from run to run.
# `error != None` and `[error] == [None]` do the same; with `is None`, or beside a number, all is well.
# So who collects the results of deliveries asks each one with `is None`, and never a list whether None is in it.
#
# Needs Python 3.11 and its registry; works in a temporary folder, asks no broker; exit 1 if the behaviour is another.
set -euo pipefail
CLIENT=2.16.1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3.11 -m venv env
env/bin/pip install --quiet --disable-pip-version-check "confluent-kafka==$CLIENT"
cat > compare.py <<'PY'
import time

from confluent_kafka import KafkaError, Producer

errors = []
producer = Producer({"bootstrap.servers": "127.0.0.1:1", "message.timeout.ms": 500, "log_level": 0})
producer.produce("t", b"x", on_delivery=lambda error, _: errors.append(error))
producer.flush(30)
(error,) = errors

WAYS = {
    "None in errors": lambda error, now: (None in [error], now()),
    "error == None": lambda error, now: (error == None, now()),  # noqa: E711
    "error != None": lambda error, now: (error != None, now()),  # noqa: E711
    "[error] == [None]": lambda error, now: ([error] == [None], now()),
    "error is None": lambda error, now: (error is None, now()),
    "error == number": lambda error, now: (error == KafkaError._MSG_TIMED_OUT, now()),
}
for name, way in WAYS.items():
    try:
        print(f"{name}: {way(error, time.monotonic)[0]}")
    except (SystemError, TypeError) as broken:
        print(f"{name}: {type(broken).__name__}")
PY
env/bin/python compare.py | tee seen.txt
cat > expected.txt <<'SEEN'
None in errors: SystemError
error == None: SystemError
error != None: SystemError
[error] == [None]: SystemError
error is None: False
error == number: True
SEEN
diff seen.txt expected.txt > /dev/null || { echo "this is not what was seen"; exit 1; }
