#!/usr/bin/env bash
# Sends the command on standard input to the function rotate-keys of a stack, and prints what it answers.
#
# The command goes through a file that only this user can read and that is gone afterwards: it may hold secrets.
set -euo pipefail

stack=$1
cd "$(dirname "$0")/.."
export PATH="$PATH:$PWD/.venv/bin" AWS_PAGER=

# A stack of this machine has no CloudFormation to ask: `make run` says where its Lambda listens.
function=${ROTATE_KEYS_FUNCTION:-$(aws cloudformation describe-stacks --stack-name "$stack" \
  --query "Stacks[0].Outputs[?OutputKey=='RotateKeysFunction'].OutputValue" --output text)}
[[ -n $function && $function != None ]] || { echo "The stack $stack has no output RotateKeysFunction." >&2; exit 1; }

umask 077
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cat >"$folder/event"
# As a file of bytes, which both major versions of the command line take as it stands.
failed=$(aws lambda invoke --function-name "$function" --payload "fileb://$folder/event" \
  --query FunctionError --output text "$folder/answer")
if [[ $failed != None ]]; then
  cat "$folder/answer" >&2
  exit 1
fi
cat "$folder/answer"
