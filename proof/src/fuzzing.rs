//! What the fuzz targets have found, from the last lines of their logs.

use std::{fs, path::Path};

use crate::part::Part;

const TARGETS: [(&str, &str); 7] = [
    ("cookie", "a cookie of our name counts only alone and to the byte"),
    ("refresh_token", "only what was issued is good"),
    ("access_token", "only what was signed is good, and says what was signed"),
    ("key_document", "it is read or refused, and no part of it is in the error"),
    ("kakao_answer", "nobody is let in of whom Kakao did not speak, of no other app"),
    ("id_token", "signed by Kakao, for this app, with this nonce, not expired, or refused"),
    ("event", "whole functions: a 4xx or, DynamoDB being down, a 503; JSON; nothing repeated; nobody let in"),
];

pub fn run(logs: &str) -> Result<(), String> {
    let mut part = Part {
        title: "Coverage-guided fuzzing".to_owned(),
        found: "libFuzzer on each place where something comes from outside, with what must hold for every input. \
                Edges are those of all code in the process, its libraries included."
            .to_owned(),
        head: ["target", "what must hold", "inputs run", "edges", "inputs kept"].map(str::to_owned).into(),
        ..Part::default()
    };
    for (target, holds) in TARGETS {
        let file = Path::new(logs).join(target);
        let log = fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let log = String::from_utf8_lossy(&log);
        let Some(done) = log.lines().rfind(|line| line.contains("DONE")) else {
            part.failures.push(format!("{target} was not done"));
            continue;
        };
        let after = |name: &str| {
            let mut words = done.split_whitespace().skip_while(|word| *word != name);
            words.nth(1).unwrap_or_default().split('/').next().unwrap_or_default().to_owned()
        };
        let runs = done.split_whitespace().next().unwrap_or_default().trim_start_matches('#').to_owned();
        part.rows.push(vec![target.to_owned(), holds.to_owned(), runs, after("cov:"), after("corp:")]);
    }
    part.write("fuzzing")
}
