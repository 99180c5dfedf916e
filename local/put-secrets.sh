#!/usr/bin/env bash
# Hands Kakao's client secret and admin key to a deployed stack: `local/put-secrets.sh STACK_NAME`. As often as they change.
#
# Asks for both (or reads them from two lines of standard input) and passes them on through a pipe: nothing secret stands on a
# command line or in a file. All other keys are made by the stack itself.
set -euo pipefail

stack=${1:-}
if [[ -z $stack || $stack == -* || $# -gt 1 ]]; then
  echo 'usage: local/put-secrets.sh STACK_NAME' >&2
  exit 2
fi
cd "$(dirname "$0")/.."
export PATH="$PATH:$PWD/.venv/bin" AWS_PAGER=

arn=$(aws cloudformation describe-stacks --stack-name "$stack" \
  --query "Stacks[0].Outputs[?OutputKey=='KakaoSecret'].OutputValue" --output text)
[[ -n $arn && $arn != None ]] || { echo "The stack $stack has no output KakaoSecret." >&2; exit 1; }

if [[ -t 0 ]]; then
  read -rsp 'Kakao client secret (Kakao console, beside the REST API key): ' client_secret
  echo >&2
  read -rsp 'Kakao admin key, which sign-in by ID token fetches new users with (empty: none): ' admin_key
  echo >&2
else
  # The last line of a pipe may lack its end, which read calls a failure.
  read -r client_secret || true
  read -r admin_key || true
fi
[[ -n ${client_secret:-} ]] || { echo 'No client secret.' >&2; exit 1; }

KAKAO_CLIENT_SECRET=$client_secret KAKAO_ADMIN_KEY=${admin_key:-} python3 -c '
import json, os
print(json.dumps({name: os.environ[name] for name in ("KAKAO_CLIENT_SECRET", "KAKAO_ADMIN_KEY")}), end="")' |
  aws secretsmanager put-secret-value --secret-id "$arn" --secret-string file:///dev/stdin --query Name --output text
