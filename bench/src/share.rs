//! The share of a processor that Lambda gives to a function.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// A control group with the share of a processor that Lambda gives to so much memory: 1,769 MB are one processor.
pub struct Share {
    group: PathBuf,
}

/// In microseconds. Lambda's own period is not published.
const PERIOD: u32 = 20_000;
/// Numbers the groups, so that their names differ.
static GROUPS: AtomicU32 = AtomicU32::new(0);

impl Share {
    /// Makes the group for so many MB.
    pub fn of_memory(megabytes: u32) -> Result<Self, String> {
        let quota = PERIOD * megabytes / 1_769;
        let name = format!("kakao-login-bench-{}-{}", std::process::id(), GROUPS.fetch_add(1, Ordering::Relaxed));
        let legacy = Path::new("/sys/fs/cgroup/cpu");
        let (group, settings) = if legacy.is_dir() {
            let settings = vec![("cpu.cfs_period_us", PERIOD.to_string()), ("cpu.cfs_quota_us", quota.to_string())];
            (legacy.join(name), settings)
        } else {
            (Path::new("/sys/fs/cgroup").join(name), vec![("cpu.max", format!("{quota} {PERIOD}"))])
        };
        let made = fs::create_dir_all(&group);
        let made = made.and_then(|()| settings.iter().try_for_each(|(name, value)| fs::write(group.join(name), value)));
        made.map_err(|error| format!("{}: {error} (a control group needs root)", group.display()))?;
        Ok(Self { group })
    }

    /// Moves a process into the group.
    pub fn limit(&self, pid: u32) {
        // `of_memory` has found out that this process may write here.
        let _ = fs::write(self.group.join("cgroup.procs"), pid.to_string());
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.group);
    }
}
