//! A bar that shows how far a command is, on a terminal only.

use std::io::{self, IsTerminal, Write};

const WIDTH: usize = 40;

/// The bar, and the lines of a report above it.
pub(crate) struct Progress {
    total: u64,
    percent: Option<u64>,
    is_shown: bool,
}

impl Progress {
    /// Of so many lines.
    pub(crate) fn new(total: u64) -> Self {
        Self { total, percent: None, is_shown: io::stderr().is_terminal() }
    }

    pub(crate) fn advance(&mut self, done: u64) {
        let percent = done.min(self.total) * 100 / self.total.max(1);
        if self.is_shown && self.percent != Some(percent) {
            self.percent = Some(percent);
            show(&bar(percent, done, self.total));
        }
    }

    /// Prints a line to standard output, above the bar.
    pub(crate) fn print(&mut self, line: &str) {
        self.clear();
        println!("{line}");
    }

    pub(crate) fn clear(&mut self) {
        if self.percent.take().is_some() {
            show("\r\u{1b}[K");
        }
    }
}

fn bar(percent: u64, done: u64, total: u64) -> String {
    let filled = usize::try_from(percent).map_or(WIDTH, |percent| percent * WIDTH / 100);
    format!("\r[{:WIDTH$}] {percent:3} % {done} of {total}", "#".repeat(filled))
}

/// A bar that cannot be shown stops nothing.
fn show(text: &str) {
    let mut terminal = io::stderr();
    let _ = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_as_long_at_every_percent() {
        for percent in 0..=100 {
            let width = bar(percent, percent, 100).find(']').unwrap();
            assert_eq!(width, WIDTH + 2, "{percent}");
        }
        assert!(bar(50, 5, 10).starts_with(&format!("\r[{} ", "#".repeat(20))));
    }
}
