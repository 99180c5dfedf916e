#!/usr/bin/env bash
# Runs lanes of make's targets side by side, and each lane's targets one after another. The output of a target is printed in one piece
# when it ends. A target that fails stops nothing: the last lines say what failed, and the exit code does. The first lane has precedence.
# usage: lanes.sh "target target…" "target target…"
set -euo pipefail

folder=$(mktemp -d)
# Also what runs in the lanes.
trap 'trap - TERM; kill 0' INT TERM
trap 'rm -rf "$folder"' EXIT

# One lane prints at a time.
say() { flock "$folder/lock" "$@"; }

lane() {
  for target in "$@"; do
    local log=$folder/$target.log start=$SECONDS result=passed
    say echo "==== make $target: started"
    make --no-print-directory "$target" >"$log" 2>&1 || result=FAILED
    echo "$result make $target, $((SECONDS - start)) s" >>"$folder/results"
    say sed "1i ==== make $target: its output" "$log"
    say echo "==== make $target: $result after $((SECONDS - start)) s"
  done
}

touch "$folder/results"
# In words.
for targets in "$@"; do
  # shellcheck disable=SC2086
  lane $targets &
  renice -n 10 $BASHPID >/dev/null
done
wait

LC_ALL=C sort -r "$folder/results"
[[ $(wc -l <"$folder/results") == $(wc -w <<<"$*") ]] || { echo "a lane ended early" >&2; exit 1; }
! grep -q '^FAILED' "$folder/results"
