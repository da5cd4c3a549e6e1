#!/usr/bin/env bash
# Apache Kafka 4.3.0 (KRaft), confluent-kafka 2.16.1: a partition whose directory is gone comes back empty, and nothing says so.
#
# Guessed: a broker that finds the directory of a partition missing, which its metadata log assigns to this very log directory, reports the
# replica as offline or refuses to start, since KIP-858 gives every directory an id.
# Seen: after a clean stop, the removal of TOPIC-0 and a start, the topic has the same id, the partition has a leader, its watermarks are
# (0, 0) instead of (0, 10), the next record gets offset 0, and the broker's log has no line at WARN or above about it.
# So who compares topic ids alone takes a log that lost its records for the one it knew. Compare offsets, too.
#
# Needs Python 3.11, Java 17, Maven and their registries; works in a temporary folder, on loopback; exit 1 if the behaviour is another.
set -euo pipefail
KAFKA=4.3.0 CLIENT=2.16.1 LOG4J=2.25.4
work=$(mktemp -d)
broker=""
trap '[ -z "$broker" ] || { kill -9 "$broker" 2>/dev/null || true; }; rm -rf "$work"' EXIT
cd "$work"

python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check "confluent-kafka==$CLIENT"
cat > pom.xml <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>finding</groupId><artifactId>finding</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$KAFKA</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>$LOG4J</version></dependency>
</dependencies></project>
POM
mvn -q -B dependency:copy-dependencies -DoutputDirectory=libs -DincludeScope=runtime

read -r port controller < <(python3 - <<'PY'
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in held))
PY
)
cat > log4j2.properties <<'LOG'
status=error
appender.c.type=Console
appender.c.name=c
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=%d{ISO8601} %p %m (%c{1})%n
rootLogger.level=INFO
rootLogger.appenderRef.c.ref=c
LOG
cat > server.properties <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAIN://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAIN://127.0.0.1:$port
inter.broker.listener.name=PLAIN
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT
log.dirs=$work/data
offsets.topic.replication.factor=1
PROPERTIES
java=(java -Xms64m -Xmx384m "-Dlog4j2.configurationFile=file:$work/log4j2.properties" -cp 'libs/*')
"${java[@]}" kafka.tools.StorageTool format -t "$(python3 -c 'import base64, uuid; print(base64.urlsafe_b64encode(b"\x01" + uuid.uuid4().bytes[1:]).decode().rstrip("="))')" -c server.properties > /dev/null

start() { "${java[@]}" kafka.Kafka server.properties > "$1" 2>&1 & broker=$!; }
stop() { kill "$broker"; wait "$broker" || true; broker=""; }
ask() { env/bin/python - "$port" "$1" <<'PY'
import sys, time
from confluent_kafka import Consumer, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
settings = {"bootstrap.servers": f"127.0.0.1:{sys.argv[1]}", "log_level": 0}
admin = AdminClient(settings)
deadline = time.monotonic() + 60
while True:
    try:
        if admin.list_topics(timeout=2).brokers:
            break
    except Exception:
        pass
    assert time.monotonic() < deadline, "no broker in 60 s"
if sys.argv[2] == "fill":
    next(iter(admin.create_topics([NewTopic("t", 1, 1)]).values())).result(30)
consumer = Consumer({**settings, "group.id": "g"})
def watermarks():
    while time.monotonic() < deadline:
        try:
            return consumer.get_watermark_offsets(TopicPartition("t", 0), timeout=5)
        except Exception:
            time.sleep(0.2)
before = watermarks()
offsets = []
producer = Producer({**settings, "acks": "all"})
for at in range(10 if sys.argv[2] == "fill" else 1):
    producer.produce("t", b"x", on_delivery=lambda error, message: offsets.append((error, message.offset())))
producer.flush(30)
found = admin.describe_topics(TopicCollection(["t"]))["t"].result(30)
consumer.close()
print(found.topic_id, found.partitions[0].leader.id, *before, offsets[-1][0], offsets[-1][1])
PY
}

start first.log
read -r id leader low high error last < <(ask fill)
stop
rm -r data/t-0
start second.log
read -r id_now leader_now low_now high_now error_now last_now < <(ask look)
stop
complaints=$(grep -E ' (WARN|ERROR|FATAL) ' second.log | grep -cE 't-0|partition|offline|missing' || true)
echo "before: id $id, leader $leader, last offset $last"
echo "after : id $id_now, leader $leader_now, watermarks $low_now $high_now, next offset $last_now, complaints $complaints"
[ "$id" = "$id_now" ] && [ "$last" = 9 ] && [ "$low_now $high_now" = "0 0" ] && [ "$last_now" = 0 ] && [ "$error_now" = None ] && [ "$complaints" = 0 ] \
  || { echo "this is not what was seen"; exit 1; }
