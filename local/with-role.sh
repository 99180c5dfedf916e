#!/usr/bin/env bash
# Runs a function's binary with the access key that the local stack gives to its role.
set -euo pipefail

AWS_ACCESS_KEY_ID=local-$(basename "$1") exec "$@"
