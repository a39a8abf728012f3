//! Tables that a command keeps in a page of the documentation, and what stands above them.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::run;

/// What stands around the table in a page.
const AROUND: (&str, &str) = ("<!-- figures -->\n", "<!-- end of figures -->\n");

/// A page with one table of ours, by its path in the workspace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page(pub(crate) &'static str);

impl Page {
    /// Puts `table` in the place of the old one.
    ///
    /// # Errors
    ///
    /// If the page cannot be read or written, or has no place for a table.
    pub(crate) fn write(self, table: &str) -> Result<()> {
        let file = run::root().join(self.0);
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", self.0))?;
        std::fs::write(&file, self.with(&text, table)?).with_context(|| format!("cannot write {}", self.0))
    }

    /// Returns `text` with `table` in the place of the old one.
    fn with(self, text: &str, table: &str) -> Result<String> {
        let without = |mark: &str| format!("{} has no {}", self.0, mark.trim());
        let (before, rest) = text.split_once(AROUND.0).with_context(|| without(AROUND.0))?;
        let (_, after) = rest.split_once(AROUND.1).with_context(|| without(AROUND.1))?;
        Ok(format!("{before}{}{table}{}{after}", AROUND.0, AROUND.1))
    }
}

/// Returns the commit of the sources, marked if they were changed since.
///
/// # Errors
///
/// If git cannot be asked.
pub(crate) fn commit() -> Result<String> {
    let mut git = Command::new("git");
    let output = git.args(["describe", "--always", "--dirty"]).current_dir(run::root()).output();
    let output = output.context("cannot ask git for the commit")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Returns the day in UTC.
pub(crate) fn today() -> String {
    time::OffsetDateTime::now_utc().date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_takes_the_place_of_the_old_one_and_nothing_else() {
        let page = format!("a\n{}old\n{}z\n", AROUND.0, AROUND.1);
        let text = Page("x.md").with(&page, "new\n").unwrap();
        assert_eq!(text, format!("a\n{}new\n{}z\n", AROUND.0, AROUND.1));
        assert!(Page("x.md").with("a page without a table", "new\n").is_err());
    }

    #[test]
    fn the_pages_have_a_place_for_their_table() {
        for page in [crate::reliability::PAGE, crate::bench::PAGE] {
            let text = std::fs::read_to_string(run::root().join(page.0)).unwrap();
            assert!(page.with(&text, "new\n").is_ok(), "{}", page.0);
        }
    }
}
