#!/usr/bin/env bash
# Replaces keys of a deployed stack at once, as after a leak:
#
#   local/replace-keys.sh STACK_NAME signing_keys|session_secrets   what leaked
#   local/replace-keys.sh STACK_NAME schedule                       an ordinary rotation, now
#   local/replace-keys.sh STACK_NAME begin_afresh                   new keys after the key ring was deleted
#
# It is safe to run again: given the attempt that it prints as the third argument, it does nothing more.
set -euo pipefail

stack=${1:-}
what=${2:-}
attempt=${3:-$(python3 -c 'import uuid; print(uuid.uuid4())')}
command=replace
case "$what" in
  signing_keys) effect='Within ten minutes no function accepts a token of the old keys. Nobody is logged out. Services that
cache the JWK Set accept them until they fetch it again.' ;;
  session_secrets) effect='Within ten minutes every session has ended: everybody logs in again.' ;;
  schedule) effect='A new key is published, and signs once every verifier can know it. Nobody notices.' ;;
  begin_afresh) command=begin_afresh effect='There are new keys. Everybody logs in again.' ;;
  *) stack= ;;
esac
if [[ -z $stack || $stack == -* || $# -gt 3 ]]; then
  echo 'usage: local/replace-keys.sh STACK_NAME signing_keys|session_secrets|schedule|begin_afresh [ATTEMPT]' >&2
  exit 2
fi
echo "attempt $attempt" >&2
for pause in 1 2 3; do
  if KEYS=$what ATTEMPT=$attempt COMMAND=$command python3 -c '
import json, os
event = {"command": os.environ["COMMAND"], "attempt": os.environ["ATTEMPT"]}
if event["command"] == "replace":
    event["keys"] = os.environ["KEYS"]
print(json.dumps(event))' | "$(dirname "$0")/rotate-keys.sh" "$stack" >/dev/null; then
    echo "$effect"
    exit 0
  fi
  sleep "$pause"
done
echo "Not done. Run it again with the attempt $attempt." >&2
exit 1
