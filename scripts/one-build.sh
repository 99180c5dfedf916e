#!/usr/bin/env bash
# A library that only the tests want with one more feature is built twice, and so is everything that uses it: minutes.
set -euo pipefail
export LC_ALL=C

# Every library with its features, as tests need them or without.
libraries() {
  cargo tree --workspace --locked --prefix none --format '{p} {f}' "$@" | sed 's/ (\*)$//' | sort -u
}
twice=$(comm -23 <(libraries --edges no-dev) <(libraries))
if [[ -n $twice ]]; then
  printf 'dev-dependencies ask for more features than the functions have of:\n%s\n' "$twice" >&2
  exit 1
fi
