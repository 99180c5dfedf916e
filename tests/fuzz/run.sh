#!/usr/bin/env bash
# Builds the targets and runs each for FUZZ_SECONDS, two at a time, from the inputs in corpus/. What fails is kept in
# target/fuzz/failures, and figures in target/fuzz/logs.
set -euo pipefail
cd "$(dirname "$0")"

out=../../target/fuzz
# What cargo-fuzz passes to a nightly compiler, with the stable one. --target spares build scripts.
coverage=(-Cpasses=sancov-module)
for argument in level=4 inline-8bit-counters pc-table trace-compares; do
  coverage+=("-Cllvm-args=-sanitizer-coverage-$argument")
done
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="${coverage[*]}" cargo build --quiet --release --locked --target "$host" --target-dir "$out"

mkdir -p "$out/logs" "$out/failures"
fuzz() {
  found=$out/found/$1
  mkdir -p "$found"
  FUZZ=$1 "$out/$host/release/fuzz" -max_total_time="${FUZZ_SECONDS:-20}" -max_len=2048 -artifact_prefix="$out/failures/$1-" \
    -print_final_stats=1 "$found" "corpus/$1" >"$out/logs/$1" 2>&1 || { tail -40 "$out/logs/$1"; return 1; }
  local finished
  finished=$(grep -a DONE "$out/logs/$1" | tail -1) || { echo "$1 was not done"; return 1; }
  echo "$1: $finished"
}
export -f fuzz
export out host
# Each target has its seeds in a folder of its name.
ls corpus | xargs -P 2 -I{} bash -c 'set -euo pipefail; fuzz {}'
