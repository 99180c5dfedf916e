//! What is built: for the right processor and C library, and without any part of the local stack.

use std::process::Command;

use local::assemble::TEMPLATE;

use crate::deployment::{deployed, deployed_with};

/// Runs `local/check-build.py` on one binary and the template: what it says, and the template after it.
fn check_build(name: &str, architecture: &str, binary: &[u8]) -> (Result<(), String>, String) {
    let folder = std::env::temp_dir().join(format!("kakao-login-{}-{name}", std::process::id()));
    std::fs::create_dir_all(folder.join("Refresh")).unwrap();
    std::fs::write(folder.join("Refresh/bootstrap"), binary).unwrap();
    std::fs::write(folder.join("template.yaml"), TEMPLATE).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../local/check-build.py");
    let output = Command::new("python3").arg(script).arg(architecture).arg(&folder).output().unwrap();
    let template = std::fs::read_to_string(folder.join("template.yaml")).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (if output.status.success() { Ok(()) } else { Err(errors) }, template)
}

/// Such a stack deploys without an error, and then no function starts.
#[test]
fn a_build_for_another_processor_or_a_newer_c_library_cannot_be_deployed() {
    let built = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let here = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let other = if here == "arm64" { "x86_64" } else { "arm64" };
    let (wrong, template) = check_build("other", other, &built);
    assert!(wrong.unwrap_err().contains(&format!("is for {here}, not for {other}")));
    assert_eq!(template, TEMPLATE, "what cannot be deployed is left as it is");

    let mut elf = [0; 64];
    elf[..5].copy_from_slice(b"\x7fELF\x02");
    let with = |machine: u8, rest: &[u8]| {
        let mut head = elf;
        head[18] = machine;
        [&head, rest].concat()
    };
    for (name, binary, complaint) in [
        ("newer", with(62, b"\0GLIBC_2.17\0GLIBC_2.35\0"), "needs GLIBC 2.35"),
        ("much-newer", with(62, b"\0GLIBC_2.4\0GLIBC_2.100\0"), "needs GLIBC 2.100"),
        ("arm", with(183, b"\0GLIBC_2.17\0"), "is for arm64"),
        ("script", b"#!/bin/sh\necho this is not a binary".to_vec(), "is not a 64-bit ELF binary"),
    ] {
        let refusal = check_build(name, "x86_64", &binary).0.unwrap_err();
        assert!(refusal.contains(complaint), "{name}: {refusal}");
    }

    let (right, template) = check_build("right", "x86_64", &with(62, b"\0GLIBC_2.4\0GLIBC_2.34\0"));
    assert_eq!(right, Ok(()));
    for (architecture, accepted) in [("x86_64", true), ("arm64", false)] {
        let given = [("Architecture".to_owned(), architecture.to_owned())].into();
        assert_eq!(deployed_with(&template, given).is_ok(), accepted, "{architecture}");
    }
    assert!(deployed(&template).is_ok(), "it is the default");
}

/// The stand-in, its control routes and this crate cannot be deployed: no crate that is built for Lambda depends on them.
#[test]
fn nothing_of_the_local_stack_is_in_what_is_deployed() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    for package in [
        "shared",
        "functions/kakao-login",
        "functions/refresh",
        "functions/logout",
        "functions/profile",
        "functions/account",
        "functions/verify",
        "functions/jwks",
        "functions/rotate-keys",
        "functions/finish-deletions",
        "functions/publish-user-events",
    ] {
        let manifest = std::fs::read_to_string(format!("{root}/{package}/Cargo.toml")).unwrap();
        for foreign in ["local", "tests", "dynoxide", "axum"] {
            assert!(!manifest.lines().any(|line| line.starts_with(foreign)), "{package} depends on {foreign}");
        }
    }
}
