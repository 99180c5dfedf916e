//! What one run has found, kept as JSON until the page of evidence is written.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// One part of the page: a sentence or two, and a table.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Part {
    pub title: String,
    /// What was run and what came of it, with its figures and bounds, as Markdown.
    pub found: String,
    /// The table's head, or nothing.
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// What did not hold. The run fails if there is anything.
    pub failures: Vec<String>,
}

impl Part {
    /// Keeps it under this name, in the folder `PROOF` or else `target/proof`.
    pub fn write(&self, name: &str) -> Result<(), String> {
        let (folder, file) = place(name);
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, text + "\n"));
        written.map_err(|error| format!("{}: {error}", file.display()))?;
        if self.failures.is_empty() {
            return Ok(());
        }
        Err(format!("{}: {} failed\n{}", self.title, self.failures.len(), self.failures.join("\n")))
    }

    /// The last one of this name.
    pub fn read(name: &str) -> Result<Self, String> {
        let (_, file) = place(name);
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// As a section of the page.
    pub fn to_markdown(&self) -> String {
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = format!("\n## {}\n\n{}\n", self.title, self.found);
        if !self.head.is_empty() {
            text += "\n";
            text += &row(&self.head);
            text += &row(&vec!["---".to_owned(); self.head.len()]);
        }
        text += &self.rows.iter().map(|cells| row(cells)).collect::<String>();
        for failure in &self.failures {
            text.extend([format!("\n**Failed:** {failure}\n")]);
        }
        text
    }
}

fn place(name: &str) -> (PathBuf, PathBuf) {
    let folder =
        env::var("PROOF").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../target/proof").to_owned());
    let file = Path::new(&folder).join(name).with_extension("json");
    (folder.into(), file)
}
