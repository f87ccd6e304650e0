#!/usr/bin/env bash
# A real S3 server for tests, without Docker: S3Proxy from Maven Central, in memory (it checks signatures and checksums,
# takes multipart uploads and conditional writes).
#
#   s3.sh home                     prints the folder of the jars if they are there, else fails
#   s3.sh prepare                  downloads them (57 MB) if they are missing; prints the folder
#   s3.sh serve DATA PORT          runs a server on 127.0.0.1:PORT. Becomes the Java process; forgets everything when it ends
#   s3.sh start DATA PORT          the same in the background, waits until it answers; its log is DATA/s3.log
#   s3.sh stop DATA                stops what `start` started
#   s3.sh env PORT                 prints the lines to export, so that suites find it: S3_ENDPOINT, S3_ACCESS_KEY_ID,
#                                  S3_SECRET_ACCESS_KEY, S3_BUCKET. The keys open nothing but this server
#
# S3PROXY_HOME (a folder with libs/) is taken as it is; else CINEDEX_S3_CACHE, default ~/.cache/cinedex/s3.
# Where the jars are there and S3_ENDPOINT is not set, suites start a server of their own (test/servers/s3.ts).
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
version="$(sed -n 's:.*<s3proxy.version>\(.*\)</s3proxy.version>.*:\1:p' "$here/s3/pom.xml")"
home="${S3PROXY_HOME:-${CINEDEX_S3_CACHE:-$HOME/.cache/cinedex/s3}/$version}"
key=cinedex
secret=cinedex-test-secret

has_jars() {
  compgen -G "$home/libs/s3proxy-*.jar" >/dev/null
}

prepare() {
  if ! has_jars; then
    command -v mvn >/dev/null || { echo "s3.sh: mvn is needed to download S3Proxy" >&2; return 1; }
    mkdir -p "$(dirname "$home")"
    # Beside its place and moved as a whole: what was cut off never looks complete.
    local part
    part="$(mktemp -d "$home.part.XXXXXX")"
    if ! mvn -q -B -f "$here/s3/pom.xml" \
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

serve() {
  local data="$1" port="$2"
  has_jars || { echo "s3.sh: no S3Proxy in $home; run \`s3.sh prepare\`" >&2; return 1; }
  command -v java >/dev/null || { echo "s3.sh: no java" >&2; return 1; }
  mkdir -p "$data"
  cat >"$data/s3proxy.properties" <<PROPERTIES
s3proxy.endpoint=http://127.0.0.1:$port
s3proxy.authorization=aws-v4
s3proxy.identity=$key
s3proxy.credential=$secret
jclouds.provider=transient-nio2
PROPERTIES
  exec java -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "-Dlogback.configurationFile=$here/s3/logback.xml" \
    -cp "$home/libs/*" org.gaul.s3proxy.Main --properties "$data/s3proxy.properties"
}

# An answer of any kind is an answer; without a signature it is 403.
answers() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && grep -q HTTP <&3) 2>/dev/null
}

start() {
  local data="$1" port="$2"
  if answers "$port"; then
    echo "s3.sh: something else answers on port $port" >&2
    return 1
  fi
  mkdir -p "$data"
  "$here/s3.sh" serve "$data" "$port" </dev/null >"$data/s3.log" 2>&1 &
  local pid=$!
  echo "$pid" >"$data/s3.pid"
  for _ in $(seq 600); do
    answers "$port" && return 0
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  echo "s3.sh: the server did not start:" >&2
  tail -n 30 "$data/s3.log" >&2
  kill -9 "$pid" 2>/dev/null || true
  return 1
}

stop() {
  local pid
  pid="$(cat "$1/s3.pid")"
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 50); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  # Nothing in memory is worth a longer wait.
  kill -9 "$pid"
}

case "${1:-}" in
  home) has_jars && echo "$home" ;;
  prepare) prepare ;;
  serve) serve "$2" "$3" ;;
  start) start "$2" "$3" ;;
  stop) stop "$2" ;;
  env)
    printf '%s\n' "S3_ENDPOINT=http://127.0.0.1:$2" "S3_ACCESS_KEY_ID=$key" "S3_SECRET_ACCESS_KEY=$secret" \
      S3_BUCKET=cinedex-test
    ;;
  *)
    sed -n '2,16p' "$0" >&2
    exit 2
    ;;
esac
