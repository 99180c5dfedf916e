//! What one run has found, as it is printed.

/// A sentence or two, and a table.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub title: String,
    /// What was run and what came of it, with its figures and bounds.
    pub found: String,
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// What did not hold. The run fails if there is anything.
    pub failures: Vec<String>,
}

impl Part {
    /// Prints it as Markdown.
    ///
    /// # Errors
    ///
    /// What did not hold.
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
