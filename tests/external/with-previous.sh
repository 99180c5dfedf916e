#!/usr/bin/env bash
# Runs a command with PREVIOUS_BINARIES, the folder of the previous release's binaries. They are built from the commit that
# tests/external/previous-release names.
set -euo pipefail
cd "$(dirname "$0")/../.."

commit=$(<tests/external/previous-release)
here=target/previous
source=$here/source
# A clone may be shallow. In a container, the folder may belong to another user.
git=(git -c safe.directory="$PWD")
"${git[@]}" cat-file -e "$commit^{commit}" 2>/dev/null || "${git[@]}" fetch --quiet --depth 1 origin "$commit"
if [[ $(cat "$source/.commit" 2>/dev/null) != "$commit" ]]; then
  rm -rf "$here"
  mkdir -p "$source"
  "${git[@]}" archive "$commit" | tar -x -C "$source"
  echo "$commit" >"$source/.commit"
fi

# The dependencies are shared with this release's build: the same features, and the same folder. Its own crates differ from
# this release's by their debug information, so neither build overwrites the other's.
bins=()
for function in "$source"/functions/*/; do
  bins+=(--bin "$(basename "$function")")
done
export PREVIOUS_BINARIES=$PWD/$here/debug
(
  cd "$source"
  export CARGO_BUILD_BUILD_DIR=$OLDPWD/target CARGO_TARGET_DIR=$OLDPWD/$here CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0
  cargo build -q --locked --workspace "${bins[@]}"
)
"$@"
