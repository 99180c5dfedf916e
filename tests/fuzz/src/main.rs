//! Coverage-guided fuzzing of all outside input. `FUZZ` names the target; `run.sh` builds and runs all of them.

#![no_main]

mod targets;

use std::{env, sync::LazyLock};

use libfuzzer_sys::fuzz_target;

use self::targets::{TARGETS, Target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = env::var("FUZZ").unwrap_or_default();
    let found = TARGETS.iter().find(|(target, _)| *target == name);
    found.unwrap_or_else(|| panic!("FUZZ names no target: {name:?}")).1
});

fuzz_target!(|data: &[u8]| TARGET(data));
