//! The printed results of one run.

/// A short text and a table.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub title: String,
    /// What was run and with what result, with figures and bounds.
    pub found: String,
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// What failed. The run fails unless this is empty.
    pub failures: Vec<String>,
}

impl Part {
    /// Prints it as Markdown.
    ///
    /// # Errors
    ///
    /// The list of what failed.
    pub fn report(&self) -> Result<(), String> {
        let row = |cells: &[String]| println!("| {} |", cells.join(" | "));
        println!("\n## {}\n\n{}\n", self.title, self.found);
        row(&self.head);
        row(&vec!["---".to_owned(); self.head.len()]);
        self.rows.iter().for_each(|cells| row(cells));
        if self.failures.is_empty() {
            return Ok(());
        }
        Err(format!("{}: {} failed\n{}", self.title, self.failures.len(), self.failures.join("\n")))
    }
}
