#!/usr/bin/env bash
# Fills the secrets of a deployed stack, once: `local/put-secrets.sh STACK_NAME [--replace]`.
#
# Asks for the Kakao client secret, makes the keys here, and hands them to Secrets Manager through a pipe: nothing secret
# stands on a command line or in a file.
set -euo pipefail

stack=${1:?usage: local/put-secrets.sh STACK_NAME [--replace]}
replace=${2:-}

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

if [[ -t 0 ]]; then
  read -rsp 'Kakao client secret (Kakao console, beside the REST API key): ' KAKAO_CLIENT_SECRET
  echo
else
  read -r KAKAO_CLIENT_SECRET
fi
export KAKAO_CLIENT_SECRET
secrets=$(cargo run -q -p local -- secrets)

for function in "${functions[@]}"; do
  python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)[sys.argv[1]]), end="")' "${function%:*}" <<<"$secrets" |
    aws secretsmanager put-secret-value --secret-id "$(arn_of "${function#*:}")" --secret-string file:///dev/stdin \
      --query Name --output text
done
