#!/usr/bin/env bash
# Stores Kakao's client secret and admin key in a deployed stack: `local/put-secrets.sh STACK_NAME`. As often as they change.
#
# Asks for both (or reads them from two lines of standard input): nothing secret is on a command line. All other keys are made by
# the stack itself.
set -euo pipefail

stack=${1:-}
if [[ -z $stack || $stack == -* || $# -gt 1 ]]; then
  echo 'usage: local/put-secrets.sh STACK_NAME' >&2
  exit 2
fi
if [[ -t 0 ]]; then
  read -rsp 'Kakao client secret (Kakao console, beside the REST API key): ' client_secret
  echo >&2
  read -rsp 'Kakao admin key, which fetches new users who log in by ID token (empty: none): ' admin_key
  echo >&2
else
  # The last line of a pipe may lack its end, which read calls a failure.
  read -r client_secret || true
  read -r admin_key || true
fi
[[ -n ${client_secret:-} ]] || { echo 'No client secret.' >&2; exit 1; }

CLIENT_SECRET=$client_secret ADMIN_KEY=${admin_key:-} python3 -c '
import json, os
print(json.dumps({"command": "put_kakao_secrets", "client_secret": os.environ["CLIENT_SECRET"],
                  "admin_key": os.environ["ADMIN_KEY"]}))' |
  "$(dirname "$0")/rotate-keys.sh" "$stack" >/dev/null
echo "Kakao's secrets are stored. Functions read them within ten minutes."
