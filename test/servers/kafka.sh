#!/usr/bin/env bash
# A real Apache Kafka for tests, without Docker: jars from Maven Central, one combined KRaft node.
#
#   kafka.sh home                     prints the folder of the jars if they are there, else fails
#   kafka.sh prepare                  downloads them if they are missing; prints the folder
#   kafka.sh serve DATA PORT          runs a broker on 127.0.0.1:PORT, its controller on a free port; DATA survives restarts.
#                                     Becomes the Java process: SIGTERM stops it properly, SIGKILL is a crash.
#   kafka.sh start DATA PORT          the same in the background, waits until it answers; its log is DATA/kafka.log
#   kafka.sh stop DATA                stops what `start` started
#
# KAFKA_HOME (a folder with libs/) is taken as it is; else KAFKA_CACHE, default ~/.cache/cinedex/kafka.
# KAFKA_PROPERTIES: more lines for server.properties.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
version="$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$here/kafka/pom.xml")"
home="${KAFKA_HOME:-${KAFKA_CACHE:-$HOME/.cache/cinedex/kafka}/$version}"

has_jars() {
  compgen -G "$home/libs/kafka_2.1*.jar" >/dev/null && compgen -G "$home/libs/*slf4j*.jar" >/dev/null
}

prepare() {
  if ! has_jars; then
    command -v mvn >/dev/null || { echo "kafka.sh: mvn is needed to download Kafka" >&2; return 1; }
    mkdir -p "$(dirname "$home")"
    # Beside its place and moved as a whole: what was cut off never looks complete.
    local part
    part="$(mktemp -d "$home.part.XXXXXX")"
    if ! mvn -q -B -f "$here/kafka/pom.xml" \
      -Dmaven.wagon.http.retryHandler.count=3 \
      org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
      -DincludeScope=runtime -DoutputDirectory="$part/libs" >&2; then
      rm -rf "$part"
      return 1
    fi
    mv -T "$part" "$home" 2>/dev/null || rm -rf "$part"
    has_jars
  fi
  echo "$home"
}

free_port() {
  local port
  for _ in $(seq 100); do
    port=$((20000 + RANDOM % 20000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  return 1
}

java_options=(-Xms96m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto
  -Djava.awt.headless=true "-Dlog4j2.configurationFile=$here/kafka/log4j2.xml")

serve() {
  local data="$1" port="$2" controller
  has_jars || { echo "kafka.sh: no Kafka in $home; run \`kafka.sh prepare\`" >&2; return 1; }
  command -v java >/dev/null || { echo "kafka.sh: no java" >&2; return 1; }
  mkdir -p "$data"
  controller="$(free_port)"
  cat >"$data/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
log.dirs=$data/log
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
log.cleaner.dedupe.buffer.size=4194304
controlled.shutdown.enable=true
${KAFKA_PROPERTIES:-}
PROPERTIES
  if [ ! -f "$data/log/meta.properties" ]; then
    # An id that begins with a hyphen would be read as an option.
    java "${java_options[@]}" -cp "$home/libs/*" kafka.tools.StorageTool format \
      -t "$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=' | sed 's/^-/A/')" -c "$data/server.properties"
  fi
  exec java "${java_options[@]}" -cp "$home/libs/*" kafka.Kafka "$data/server.properties"
}

start() {
  local data="$1" port="$2"
  mkdir -p "$data"
  : >"$data/kafka.log"
  "$here/kafka.sh" serve "$data" "$port" </dev/null >>"$data/kafka.log" 2>&1 &
  local pid=$!
  echo "$pid" >"$data/kafka.pid"
  for _ in $(seq 1200); do
    grep -q 'Kafka Server started' "$data/kafka.log" && return 0
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  echo "kafka.sh: the broker did not start:" >&2
  tail -n 30 "$data/kafka.log" >&2
  kill -9 "$pid" 2>/dev/null || true
  return 1
}

stop() {
  local pid
  pid="$(cat "$1/kafka.pid")"
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 150); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -9 "$pid"
}

case "${1:-}" in
  home) has_jars && echo "$home" ;;
  prepare) prepare ;;
  serve) serve "$2" "$3" ;;
  start) start "$2" "$3" ;;
  stop) stop "$2" ;;
  *)
    sed -n '2,12p' "$0" >&2
    exit 2
    ;;
esac
