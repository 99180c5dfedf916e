#!/usr/bin/env bash
# Runs a command while moto's AWS listens at MOTO_URL.
set -euo pipefail

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export MOTO_URL="http://127.0.0.1:$port"
moto_server -H 127.0.0.1 -p "$port" >/dev/null 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT

for _ in $(seq 100); do
  curl -s -o /dev/null "$MOTO_URL/moto-api/" && break
  sleep 0.1
done
"$@"
