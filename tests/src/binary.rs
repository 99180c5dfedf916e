//! The functions' binaries, as they are in this working copy.

use std::{env, path::PathBuf, process::Command, sync::LazyLock};

/// The folder of the binaries, which are built once for each process of tests.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--workspace", "--bins"]);
    // What cargo tells a test of its crate makes `ring` build itself anew, all that uses it, and all of that again without.
    for (name, _) in env::vars_os() {
        let is_of_a_crate = |name: &str| name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_");
        if name.to_str().is_some_and(is_of_a_crate) {
            build.env_remove(name);
        }
    }
    assert!(build.status().is_ok_and(|status| status.success()), "the binaries cannot be built");
    let this = env::current_exe().expect("a process has a path");
    this.ancestors().nth(2).expect("tests are two folders deep").to_owned()
});

/// The binary of a function, up to date.
#[must_use]
pub fn binary(function: &str) -> PathBuf {
    FOLDER.join(function)
}
