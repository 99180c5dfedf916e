//! Writes the page of evidence: what is required, what shows it, and whether that passed in this run.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::{Value, json};

use crate::{log::Log, part::Part};

/// The parts of the page, by the names that they are kept under.
pub const PARTS: [&str; 7] = ["model", "schedules", "wire", "processes", "soak", "fuzzing", "api"];

/// A requirement, or a bug that others had, with what shows that we meet it.
#[derive(Clone, Debug)]
pub struct Row {
    pub cells: Vec<String>,
    pub shown: Shown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// By these tests, targets and parts.
    By(Vec<String>),
    /// Not at all, for this reason.
    NotMet(String),
    /// It is about what does not exist yet.
    Later(String),
}

/// The rows of a table in Markdown, whose last cell is what shows it.
pub fn rows(markdown: &str) -> Vec<Row> {
    let lines = markdown.lines().filter(|line| line.starts_with('|')).skip(2);
    lines
        .map(|line| {
            let mut cells: Vec<String> = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
            let last = cells.pop().unwrap_or_default();
            let shown = if let Some(reason) = last.strip_prefix("not met:") {
                Shown::NotMet(reason.trim().to_owned())
            } else if let Some(reason) = last.strip_prefix("later:") {
                Shown::Later(reason.trim().to_owned())
            } else {
                Shown::By(names(&last))
            };
            Row { cells, shown }
        })
        .collect()
}

/// What stands between backquotes.
fn names(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

pub const REQUIREMENTS: &str = include_str!("../requirements.md");
pub const OTHERS: &str = include_str!("../others.md");

/// Reads the log of `make test` and writes `EVIDENCE.md` and `proof/evidence.json`. Fails if something did not pass.
pub fn run(log: &str) -> Result<(), String> {
    let text = fs::read(log).map_err(|error| format!("{log}: {error}"))?;
    let log = Log::read(&String::from_utf8_lossy(&text));
    let mut parts: BTreeMap<&str, Part> =
        PARTS.iter().filter_map(|name| Some((*name, Part::read(name).ok()?))).collect();
    parts.extend(logged(&log));
    let mut wrong: Vec<String> = PARTS
        .iter()
        .filter(|name| !parts.contains_key(*name))
        .map(|name| format!("the part {name} was not run"))
        .collect();
    wrong.extend(parts.values().flat_map(|part| part.failures.clone()));

    let (requirements, others) = (rows(REQUIREMENTS), rows(OTHERS));
    for row in requirements.iter().chain(&others) {
        if let Shown::By(names) = &row.shown {
            let failed = names.iter().filter(|name| !passed(name, &log, &parts));
            wrong.extend(failed.map(|name| format!("{name} did not pass")));
        }
    }
    let count = |is: fn(&Shown) -> bool| requirements.iter().filter(|row| is(&row.shown)).count();
    let by = requirements.iter().filter_map(|row| if let Shown::By(names) = &row.shown { Some(names) } else { None });
    let met = by.filter(|names| names.iter().all(|name| passed(name, &log, &parts))).count();
    let counts =
        [met, count(|shown| matches!(shown, Shown::NotMet(_))), count(|shown| matches!(shown, Shown::Later(_)))];

    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let write = |file: &str, text: String| fs::write(root.join(file), text).map_err(|error| format!("{file}: {error}"));
    write("EVIDENCE.md", page(counts, &parts, &requirements, &others, &log))?;
    let json = json!({"requirements_in_all": requirements.len(), "met": counts[0], "not_met": counts[1], "later": counts[2], "wrong": wrong, "parts": parts,
        "requirements": as_json(&requirements, &log, &parts), "others": as_json(&others, &log, &parts)});
    write("proof/evidence.json", serde_json::to_string_pretty(&json).map_err(|error| error.to_string())? + "\n")?;
    wrong.sort();
    wrong.dedup();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// The parts that stand in the log itself.
fn logged(log: &Log) -> Vec<(&'static str, Part)> {
    let mut parts = Vec::new();
    if !log.model.is_empty() {
        parts.push(("model", Part {
            title: "Every order of events, by search".to_owned(),
            found: "The function that decides in production, `shared::session::judge`, under an exhaustive breadth-first search: two requests on \
                    their way at once, of tabs that send whenever they like; requests and answers that take up to D; up to L answers lost in a \
                    row; crashes before and after the write; writes made again by the SDK; log-out, log-out everywhere and expiry, each of \
                    which ends the session at any moment; a thief with a copy of the cookie. A token three generations behind is as good as \
                    one further behind, so the search ends by itself. The rotation window W has to be longer than (2 + L) × D: the rows \
                    below the bound, and those with a weaker rule, must find their violation."
                .to_owned(),
            head: ["rules", "W", "D", "L", "a thief", "result"].map(str::to_owned).into(),
            rows: log.model.clone(),
            failures: Vec::new(),
        }));
    }
    // The everyday run has fewer of them.
    if let Some(schedules) = log.schedules.last() {
        parts.push(("schedules", Part {
            title: "Random schedules on the real thing".to_owned(),
            found: format!(
                "{schedules}: the real handlers and the embedded DynamoDB over HTTP; up to four tabs at once, answers out of order and lost, \
                 DynamoDB failing before and after the write, log-outs, thieves. What clients saw kept every promise of the protocol. \
                 `make schedules SEED=…` runs one again."
            ),
            ..Part::default()
        }));
    }
    if !log.requests.is_empty() {
        parts.push(("api", Part {
            title: "Requests made up of openapi.yaml".to_owned(),
            found: format!(
                "Schemathesis, right and wrong requests, with a session and without, each answer held to its status, schema and headers: {}.",
                log.requests.join("; ")
            ),
            ..Part::default()
        }));
    }
    parts
}

fn passed(name: &str, log: &Log, parts: &BTreeMap<&str, Part>) -> bool {
    match name.strip_prefix("proof ") {
        Some(part) => parts.get(part).is_some_and(|part| part.failures.is_empty()),
        None => log.passed(name),
    }
}

fn as_json(rows: &[Row], log: &Log, parts: &BTreeMap<&str, Part>) -> Vec<Value> {
    let row = |row: &Row| match &row.shown {
        Shown::By(names) => {
            let all = names.iter().all(|name| passed(name, log, parts));
            json!({"row": row.cells, "tests": names, "result": if all { "passed" } else { "failed or not run" }})
        }
        Shown::NotMet(reason) => json!({"row": row.cells, "result": "not met", "reason": reason}),
        Shown::Later(reason) => json!({"row": row.cells, "result": "later", "reason": reason}),
    };
    rows.iter().map(row).collect()
}

fn page(
    [met, not_met, later]: [usize; 3],
    parts: &BTreeMap<&str, Part>,
    requirements: &[Row],
    others: &[Row],
    log: &Log,
) -> String {
    let mut page = format!(
        "# Evidence\n\nWritten by `make evidence` from a run of all tests. Of {} requirements {met} are met and \
         shown by tests that passed, {not_met} are not met, {later} are about what does not exist yet; {} bugs that others had are tests here. The rows are kept in \
         `proof/requirements.md` and `proof/others.md`, the same as JSON in `proof/evidence.json`.\n",
        requirements.len(),
        others.len()
    );
    for name in PARTS {
        match parts.get(name) {
            Some(part) => page += &part.to_markdown(),
            None => page.extend([format!("\n## {name}\n\n**Not run.**\n")]),
        }
    }
    let shown = |row: &Row| match &row.shown {
        Shown::By(names) => {
            let failed: Vec<&str> = names.iter().map(String::as_str).filter(|name| !passed(name, log, parts)).collect();
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let result = if failed.is_empty() {
                "passed".to_owned()
            } else {
                format!("**failed or not run:** {}", failed.join(", "))
            };
            format!("{} | {result}", names.join("<br>"))
        }
        Shown::NotMet(reason) => format!("{reason} | **not met**"),
        Shown::Later(reason) => format!("{reason} | later"),
    };
    let mut table = |title: &str, head: &str, rows: &[Row]| {
        let columns = head.matches('|').count() + 1;
        page.extend([format!("\n## {title}\n\n| {head} |\n|{}\n", "---|".repeat(columns))]);
        page.extend(rows.iter().map(|row| format!("| {} | {} |\n", row.cells.join(" | "), shown(row))));
    };
    table("Requirements", "id | requirement | source | shown by | result", requirements);
    table("Others' bugs", "thread | what happened there | shown by | result", others);
    page
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::*;

    /// All text in which a test, a target or a part has its name.
    fn sources() -> String {
        fn read(folder: &Path, text: &mut String) {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
                if path.is_dir()
                    && !["target", "node_modules", "dist"].contains(&name.as_str())
                    && !name.starts_with('.')
                {
                    read(&path, text);
                } else if ["rs", "ts", "tsx", "mjs"].iter().any(|kind| name.ends_with(&format!(".{kind}")))
                    || name == "Makefile"
                {
                    text.push_str(&fs::read_to_string(path).unwrap());
                }
            }
        }
        let mut text = String::new();
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut text);
        text
    }

    #[test]
    fn every_row_names_what_there_is() {
        let sources = sources();
        for row in rows(REQUIREMENTS).into_iter().chain(rows(OTHERS)) {
            let names = match row.shown {
                Shown::By(names) => {
                    assert!(!names.is_empty(), "nothing shows {:?}", row.cells);
                    names
                }
                Shown::NotMet(reason) | Shown::Later(reason) => names(&reason),
            };
            for name in names {
                let here = if let Some(part) = name.strip_prefix("proof ") {
                    PARTS.contains(&part)
                } else if let Some(target) = name.strip_prefix("make ") {
                    sources.contains(&format!("\n{target}:"))
                } else if name.contains(' ') {
                    sources.contains(&name)
                } else {
                    sources.contains(&format!("fn {}(", name.rsplit("::").next().unwrap()))
                };
                assert!(here, "{name}, which {:?} names, is not there", row.cells);
            }
        }
    }

    #[test]
    fn every_row_is_there_once() {
        for (table, cells) in [(REQUIREMENTS, 3), (OTHERS, 2)] {
            let rows = rows(table);
            let ids: BTreeSet<&String> = rows.iter().map(|row| &row.cells[0]).collect();
            assert_eq!(ids.len(), rows.len());
            assert!(rows.iter().all(|row| row.cells.len() == cells), "a cell too many or too few");
        }
    }
}
