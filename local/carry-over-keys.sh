#!/usr/bin/env bash
# Moves the keys of a stack from Secrets Manager, where releases before the table of keys had them. Nobody is logged out.
#
#   1. Deploy with FirstKeys=wait. Until step 2 the functions answer 503; they keep no session from going on afterwards.
#   2. local/carry-over-keys.sh STACK_NAME
#   3. When all is well, and before the old secrets cost another month: local/carry-over-keys.sh STACK_NAME delete
#
# Going back to the release before is possible until the first rotation on the table: the old secrets are only read in step 2,
# and can be restored for 30 days after step 3.
set -euo pipefail

stack=${1:-}
if [[ -z $stack || $stack == -* || $# -gt 2 || ${2:-delete} != delete ]]; then
  echo 'usage: local/carry-over-keys.sh STACK_NAME [delete]' >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
export PATH="$PATH:$here/../.venv/bin" AWS_PAGER=

# The template of that release left the secrets behind, with CloudFormation's tags on them.
secret() {
  aws secretsmanager list-secrets --filters "Key=tag-key,Values=aws:cloudformation:stack-name" \
    "Key=tag-value,Values=$stack" --output json |
    python3 -c '
import json, sys
stack, logical_id = sys.argv[1:]
wanted = {("aws:cloudformation:stack-name", stack), ("aws:cloudformation:logical-id", logical_id)}
for secret in json.load(sys.stdin)["SecretList"]:
    if wanted <= {(tag["Key"], tag["Value"]) for tag in secret.get("Tags", [])}:
        print(secret["ARN"])' "$stack" "$1"
}

if [[ ${2:-} == delete ]]; then
  for name in KeyRing VerificationKeys LogoutKeys KakaoSecret; do
    for arn in $(secret "$name"); do
      aws secretsmanager delete-secret --secret-id "$arn" --recovery-window-in-days 30 --query DeletionDate --output text
    done
  done
  exit 0
fi

value() {
  local arn
  arn=$(secret "$1")
  [[ -n $arn ]] || { echo "There is no secret $1 of the stack $stack." >&2; exit 1; }
  aws secretsmanager get-secret-value --secret-id "$arn" --query SecretString --output text
}
value KeyRing | python3 -c '
import json, sys
print(json.dumps({"command": "carry_over", "ring": sys.stdin.read()}))' | "$here/rotate-keys.sh" "$stack" >/dev/null
value KakaoSecret | python3 -c '
import json, sys
secrets = json.load(sys.stdin)
print(json.dumps({"command": "put_kakao_secrets", "client_secret": secrets["KAKAO_CLIENT_SECRET"],
                  "admin_key": secrets.get("KAKAO_ADMIN_KEY", "")}))' | "$here/rotate-keys.sh" "$stack" >/dev/null
echo 'The keys are carried over. Functions read them within a minute; every session goes on.'
