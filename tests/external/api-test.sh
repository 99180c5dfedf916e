#!/usr/bin/env bash
# Tests a local stack against openapi.yaml, with valid and invalid requests generated from it.
# EXAMPLES sets the number of requests of each kind, SEED the random seed.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=tests/external/api-test
if [[ ! $here/.venv/installed -nt $here/requirements.txt ]]; then
  python3 -m venv "$here/.venv"
  "$here/.venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
  touch "$here/.venv/installed"
fi

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
PORT=$(free_port) KAKAO_PORT=$(free_port) DYNAMODB_PORT=$(free_port) SECRETS_PORT=$(free_port)
export PORT KAKAO_PORT DYNAMODB_PORT SECRETS_PORT
# As openapi.yaml has them, whatever the port; and no 429.
export REDIRECT_URIS=http://localhost:9000/ ALLOWED_ORIGINS=http://localhost:9000
export THROTTLING_RATE_LIMIT=10000 THROTTLING_BURST_LIMIT=5000 LOGIN_RATE_LIMIT=10000 LOGIN_BURST_LIMIT=5000
target/debug/local >/dev/null &
stack=$!
cookies=$(mktemp)
trap 'rm "$cookies"; kill "$stack"' EXIT
api=http://localhost:$PORT
for _ in $(seq 100); do
  curl -s -o /dev/null "$api/.well-known/jwks.json" && break
  sleep 0.1
done

json='content-type: application/json'
# Logs a user in with these members beside the credential, and leaves both tokens in ACCESS and REFRESH.
log_in() {
  local kakao
  kakao=$(curl -sf "http://localhost:$KAKAO_PORT/control/tokens" -H "$json" -d "{\"user\":\"$1\"}")
  ACCESS=$(curl -sf -c "$cookies" "$api/auth/kakao" -H "$json" -d "${kakao%\}}$2}" | sed 's/.*"access":"\([^"]*\)".*/\1/')
  REFRESH=$(awk '$6 ~ /refresh_token/ { print $7 }' "$cookies")
  export ACCESS REFRESH
  : >"$cookies"
}

# Tests the paths that match, with the session of the last login.
requests() {
  "$here/.venv/bin/st" --config-file "$here/schemathesis.toml" run openapi.yaml --url "$api" --include-path-regex "$1" \
    --phases coverage,fuzzing --mode all --seed "${SEED:-1}" --max-examples "${EXAMPLES:-100}" \
    --continue-on-failure --request-timeout 10 --no-color "${@:2}"
}

log_in ryan ''
requests '^(?!.*(logout|refresh))'
# The links of a rotating session are not read, so no requests are wrong for them.
log_in ryan ''
requests refresh --exclude-checks negative_data_rejection
# Logouts come last, as they end the session.
requests logout
# A linked session, whose first link is the example in openapi.yaml.
log_in muzi ',"link":"YSBsaW5rLCAxNiBieXRlcw"'
requests refresh
requests logout
