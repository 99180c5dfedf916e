#!/usr/bin/env bash
# Fills the secrets of a deployed stack, once: `local/put-secrets.sh STACK_NAME [--replace]`.
#
# Asks for the Kakao client secret and admin key (or reads them from two lines of standard input), makes the keys here, and hands them to Secrets Manager
# through a pipe: nothing secret stands on a command line or in a file.
set -euo pipefail

stack=${1:-}
replace=${2:-}
if [[ -z $stack || $stack == -* || $# -gt 2 || ( -n $replace && $replace != --replace ) ]]; then
  echo 'usage: local/put-secrets.sh STACK_NAME [--replace]' >&2
  exit 2
fi
cd "$(dirname "$0")/.."
export PATH="$PATH:$PWD/.venv/bin" AWS_PAGER=

outputs=$(aws cloudformation describe-stacks --stack-name "$stack" \
  --query 'Stacks[0].Outputs[].[OutputKey,OutputValue]' --output text)
arn_of() {
  awk -v output="$1" '$1 == output { print $2 }' <<<"$outputs"
}

functions=(kakao-login:KakaoLoginSecret refresh:RefreshSecret logout:LogoutSecret profile:ProfileSecret)
for function in "${functions[@]}"; do
  arn=$(arn_of "${function#*:}")
  [[ -n $arn ]] || { echo "The stack $stack has no output ${function#*:}." >&2; exit 1; }
  stages=$(aws secretsmanager describe-secret --secret-id "$arn" --query VersionIdsToStages --output json)
  if [[ $stages == *AWSCURRENT* && $replace != --replace ]]; then
    echo "${function%:*} has its secret already. New keys log everybody out: --replace does it all the same." >&2
    exit 1
  fi
done
if [[ -n $replace ]]; then
  echo "New keys log everybody out of $stack. A function that runs keeps the old ones until Lambda starts it anew, which a" >&2
  echo 'deployment that changes the functions forces.' >&2
fi

if [[ -t 0 ]]; then
  read -rsp 'Kakao client secret (Kakao console, beside the REST API key): ' client_secret
  echo >&2
  read -rsp 'Kakao admin key, which sign-in by ID token fetches new users with (empty: none): ' admin_key
  echo >&2
else
  # The last line of a pipe may lack its end, which read calls a failure.
  read -r client_secret || [[ -n $client_secret ]] || { echo 'No client secret on standard input.' >&2; exit 1; }
  read -r admin_key || true
fi
secrets=$(KAKAO_CLIENT_SECRET=$client_secret KAKAO_ADMIN_KEY=$admin_key cargo run -q -p local -- secrets)

for function in "${functions[@]}"; do
  printf '%s' "$secrets" |
    python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)[sys.argv[1]]), end="")' "${function%:*}" |
    aws secretsmanager put-secret-value --secret-id "$(arn_of "${function#*:}")" --secret-string file:///dev/stdin \
      --query Name --output text
done
