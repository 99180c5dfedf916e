#!/usr/bin/env bash
# Third-party libraries verify our access tokens: PyJWT, jose, and a Django service with simplejwt, for every algorithm.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=tests/external/verifiers
if [[ ! $here/.venv/installed -nt $here/requirements.txt ]]; then
  python3 -m venv "$here/.venv"
  "$here/.venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
  touch "$here/.venv/installed"
fi
if [[ ! $here/node_modules/.package-lock.json -nt $here/package-lock.json ]]; then
  npm ci --prefix "$here" --ignore-scripts --no-audit --no-fund --silent
fi
python=$here/.venv/bin/python

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
member() {
  python3 -c 'import functools, json, sys
key = lambda name: int(name) if name.isdigit() else name
print(functools.reduce(lambda value, name: value[key(name)], sys.argv[1:], json.load(sys.stdin)))' "$@"
}
stack=
trap '[[ -z $stack ]] || kill "$stack" 2>/dev/null || true' EXIT

# The commands call Lambda, which here is the local stack's.
export ROTATE_KEYS_FUNCTION=RotateKeys AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x
export AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-ap-northeast-2}
for algorithm in ES256 RS256 HS256; do
  PORT=$(free_port) KAKAO_PORT=$(free_port) DYNAMODB_PORT=$(free_port) LAMBDA_PORT=$(free_port)
  export PORT KAKAO_PORT DYNAMODB_PORT LAMBDA_PORT AWS_ENDPOINT_URL_LAMBDA=http://localhost:$LAMBDA_PORT
  export ALGORITHM=$algorithm ISSUER=http://localhost:$PORT AUDIENCE=api
  SIGNING_ALGORITHM=$algorithm target/debug/local >/dev/null &
  stack=$!
  for _ in $(seq 100); do
    curl -s -o /dev/null "$ISSUER/.well-known/jwks.json" && break
    sleep 0.1
  done

  # A front end's login, and the key that a service needs to verify HS256.
  json='content-type: application/json'
  kakao=$(curl -sf "http://localhost:$KAKAO_PORT/control/tokens" -H "$json" -d '{"user":"ryan"}')
  cookies=$(mktemp)
  login=$(curl -sf -c "$cookies" "$ISSUER/auth/kakao" -H "$json" -d "$kakao")
  ACCESS=$(member access <<<"$login")
  USER_ID=$(member user pk <<<"$login")
  REFRESH=$(awk '$6 ~ /refresh_token/ { print $7 }' "$cookies")
  rm "$cookies"
  JWKS=$(curl -sf "$ISSUER/.well-known/jwks.json")
  HS256_KEY=
  if [[ $algorithm == HS256 ]]; then
    HS256_KEY=$(target/debug/admin export-symmetric-keys here | member 0 k |
      python3 -c 'import base64, sys; k = sys.stdin.read().strip(); print(base64.urlsafe_b64decode(k + "=" * (-len(k) % 4)).decode())')
  fi
  export ACCESS USER_ID REFRESH JWKS HS256_KEY

  PYTHONPATH=$here "$python" "$here/verify_pyjwt.py"
  PYTHONPATH=$here "$python" "$here/verify_django.py"
  WRONG=$(PYTHONPATH=$here "$python" -c \
    'import json, os, tokens; print(json.dumps(tokens.right_and_wrong(os.environ)[2]))') node "$here/verify_jose.mjs"

  # The commands for a leaked key, as on AWS.
  for what in signing_keys refresh_token_keys; do
    before=$(target/debug/admin describe-keys here | member rotated_at)
    sleep 1
    target/debug/admin replace-keys here "$what" >/dev/null
    after=$(target/debug/admin describe-keys here | member rotated_at)
    [[ $after > $before ]] || { echo "admin replace-keys $what replaced nothing" >&2; exit 1; }
  done
  echo "admin replace-keys: $algorithm key and session secret replaced"

  kill "$stack"
  wait "$stack" || true
  stack=
done
