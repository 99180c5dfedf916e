#!/usr/bin/env bash
# A Django service with the files of docs/django: by itself, and beside the real stack, for both kinds of user ids.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=tests/external/django-service
for ids in numbers random; do
  for test in test_service test_with_the_stack; do
    USER_IDS=$ids PYTHONDONTWRITEBYTECODE=1 target/django/bin/python "$here/$test.py"
  done
done
