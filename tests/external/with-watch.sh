#!/usr/bin/env bash
# Runs a command while the functions listen at STACK_URL under `cargo lambda watch`, beside the Kakao stand-in at
# STACK_KAKAO_URL.
set -euo pipefail

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
PORT=$(free_port) KAKAO_PORT=$(free_port) DYNAMODB_PORT=$(free_port) LAMBDA_PORT=$(free_port)
export PORT KAKAO_PORT DYNAMODB_PORT LAMBDA_PORT
# The tests' own redirect_uri and origin, whatever the port.
export REDIRECT_URIS=http://localhost:9000/ ALLOWED_ORIGINS=http://localhost:9000
export STACK_URL="http://127.0.0.1:$PORT" STACK_KAKAO_URL="http://127.0.0.1:$KAKAO_PORT"
mkdir -p .local
target/debug/local watch >.local/watch.log 2>&1 &
watch=$!
trap 'kill -INT "$watch" 2>/dev/null; wait "$watch" 2>/dev/null || true' EXIT

# The first request of each function builds it: that can take minutes.
for route in "POST /auth/refresh" "POST /auth/logout" "GET /auth/profile" "GET /auth/account" "POST /auth/kakao" "POST /auth/verify" \
  "GET /.well-known/jwks.json"; do
  read -r method path <<<"$route"
  for _ in $(seq 300); do
    status=$(curl -s -m 900 -o /dev/null -w '%{http_code}' -X "$method" "$STACK_URL$path" || true)
    case "$status" in 200 | 401 | 415) break ;; esac
    kill -0 "$watch" 2>/dev/null || { cat .local/watch.log; exit 1; }
    sleep 1
  done
done
"$@"
