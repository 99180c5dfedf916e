#!/usr/bin/env bash
# `admin carry-over-keys`, from the Secrets Manager at MOTO_URL to a stack of this machine.
set -euo pipefail
cd "$(dirname "$0")/../.."

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
PORT=$(free_port) KAKAO_PORT=$(free_port) DYNAMODB_PORT=$(free_port) LAMBDA_PORT=$(free_port)
export PORT KAKAO_PORT DYNAMODB_PORT LAMBDA_PORT
FIRST_KEYS=wait target/debug/local >/dev/null &
stack=$!
trap 'kill "$stack" 2>/dev/null || true' EXIT
export AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_PAGER= AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-ap-northeast-2}
export AWS_ENDPOINT_URL_SECRETS_MANAGER=$MOTO_URL
export ROTATE_KEYS_FUNCTION=RotateKeys AWS_ENDPOINT_URL_LAMBDA=http://localhost:$LAMBDA_PORT

jwks=http://localhost:$PORT/.well-known/jwks.json
for _ in $(seq 100); do
  status=$(curl -s -o /dev/null -w '%{http_code}' "$jwks" || true)
  [[ $status == 503 ]] && break
  sleep 0.1
done
[[ $status == 503 ]] || { echo "a stack that waits for its keys answers $status" >&2; exit 1; }

# As the release before left them behind.
ring=$(python3 -c 'import json; print(json.dumps(json.load(open("tests/fuzz/keys.json"))["ISSUING"]))')
for secret in "KeyRing=$ring" 'KakaoSecret={"KAKAO_CLIENT_SECRET":"s","KAKAO_ADMIN_KEY":""}' VerificationKeys={} LogoutKeys={}; do
  name=${secret%%=*}
  aws secretsmanager create-secret --name "$name-1" --secret-string "${secret#*=}" --query Name --output text \
    --tags Key=aws:cloudformation:stack-name,Value=carried "Key=aws:cloudformation:logical-id,Value=$name" >/dev/null
done
if target/debug/admin carry-over-keys carried --delete-old-secrets 2>/dev/null; then
  echo "the old secrets are deleted before their keys are carried over" >&2
  exit 1
fi
target/debug/admin carry-over-keys carried
kid=$(RING=$ring python3 -c 'import json, os; print(json.loads(os.environ["RING"])["signing_keys"][0]["jwk"]["kid"])')
curl -sf "$jwks" | grep -q "\"$kid\"" || { echo "the stack does not publish the key $kid" >&2; exit 1; }
target/debug/admin carry-over-keys carried >/dev/null
target/debug/admin carry-over-keys carried --delete-old-secrets >/dev/null
left=$(aws secretsmanager list-secrets --query 'length(SecretList)' --output text)
[[ $left == 0 ]] || { echo "$left secrets are left" >&2; exit 1; }
echo "passed: the keys of a stack are carried over from Secrets Manager"
