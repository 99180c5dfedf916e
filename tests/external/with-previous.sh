#!/usr/bin/env bash
# Runs a command with PREVIOUS_BINARIES and BEFORE_LINKS_BINARIES, the folders of two older releases' binaries. They are built from
# the commits that tests/external/previous-release and tests/external/release-before-links name.
set -euo pipefail
cd "$(dirname "$0")/../.."

# A clone may be shallow. In a container, the folder may belong to another user.
git=(git -c safe.directory="$PWD")

# The dependencies are shared with this release's build: the same features, and the same folder. The crates of each release
# differ by their debug information, so that no build overwrites another's.
build() {
  local commit=$1 here=$2 debug=$3 source=$2/source bins=() function
  "${git[@]}" cat-file -e "$commit^{commit}" 2>/dev/null || "${git[@]}" fetch --quiet --depth 1 origin "$commit"
  if [[ $(cat "$source/.commit" 2>/dev/null) != "$commit" ]]; then
    rm -rf "$here"
    mkdir -p "$source"
    # As new files: cargo would take what it built of another commit for newer than these.
    "${git[@]}" archive "$commit" | tar -x -m -C "$source"
    echo "$commit" >"$source/.commit"
  fi
  for function in "$source"/functions/*/; do
    bins+=(--bin "$(basename "$function")")
  done
  (
    export CARGO_BUILD_BUILD_DIR=$PWD/target CARGO_TARGET_DIR=$PWD/$here CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=$debug
    cd "$source"
    cargo build -q --locked --workspace "${bins[@]}"
  )
}

build "$(<tests/external/previous-release)" target/previous 0
build "$(<tests/external/release-before-links)" target/before-links 1
export PREVIOUS_BINARIES=$PWD/target/previous/debug BEFORE_LINKS_BINARIES=$PWD/target/before-links/debug
"$@"
