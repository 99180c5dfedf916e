#!/usr/bin/env bash
# After a leak, at once: `local/replace-keys.sh STACK_NAME signing_keys|session_secrets`. With `schedule` it is an ordinary rotation.
#
# Safe to run again: given the version that it prints as the third argument, it goes on where it was.
set -euo pipefail

stack=${1:-}
what=${2:-}
version=${3:-$(python3 -c 'import uuid; print(uuid.uuid4())')}
case "$what" in
  signing_keys) effect='Within ten minutes no function takes a token of the old keys. Nobody is signed out. Services that
keep the JWK Set take them for as long as they keep it: make them fetch it.' ;;
  session_secrets) effect='Within ten minutes every session has ended: everybody signs in again.' ;;
  schedule) effect='A new key is published, and signs when every verifier can know it. Nobody notices.' ;;
  *) stack= ;;
esac
if [[ -z $stack || $stack == -* || $# -gt 3 ]]; then
  echo 'usage: local/replace-keys.sh STACK_NAME signing_keys|session_secrets|schedule [VERSION]' >&2
  exit 2
fi
cd "$(dirname "$0")/.."
export PATH="$PATH:$PWD/.venv/bin" AWS_PAGER=

# A stack of this machine has no CloudFormation to ask: `make run` says where it listens.
function=${ROTATE_KEYS_FUNCTION:-$(aws cloudformation describe-stacks --stack-name "$stack" \
  --query "Stacks[0].Outputs[?OutputKey=='RotateKeysFunction'].OutputValue" --output text)}
[[ -n $function && $function != None ]] || { echo "The stack $stack has no output RotateKeysFunction." >&2; exit 1; }

echo "version $version" >&2
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
# As a file of bytes, which both major versions of the command line take as it stands.
printf '{"replace":"%s","version":"%s"}' "$what" "$version" >"$folder/event"
for attempt in 1 2 3; do
  if failed=$(aws lambda invoke --function-name "$function" --payload "fileb://$folder/event" \
    --query FunctionError --output text "$folder/answer") &&
    [[ $failed == None ]]; then
    echo "$effect"
    exit 0
  fi
  [[ ! -e $folder/answer ]] || cat "$folder/answer" >&2
  sleep "$attempt"
done
echo "Not done. Run it again with the version $version." >&2
exit 1
