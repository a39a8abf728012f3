//! Tables in text: a header, then a row a line, with commas; lines end with or without a carriage return.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Longest file that is read.
const BYTES_MAX: u64 = 1 << 30;

/// A file that cannot be used.
#[derive(Debug, Error)]
pub enum BadFile {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is longer than is read.
    #[error("{}: longer than {BYTES_MAX} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// A line says something that cannot be.
    #[error("{}:{line}: {what}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what is expected.
        what: String,
    },
}

/// A file in memory.
pub(super) struct Table {
    path: PathBuf,
    text: String,
}

/// A row with the columns that were asked for.
pub(super) struct Row<'a, const N: usize> {
    path: &'a Path,
    line: usize,
    names: [&'static str; N],
    pub cells: [&'a str; N],
}

impl Table {
    pub(super) fn open(path: &Path) -> Result<Self, BadFile> {
        Ok(Self { path: path.to_owned(), text: text(path)? })
    }

    /// The rows, each with the columns of these names, whatever else the file has and in whatever order.
    pub(super) fn rows<const N: usize>(
        &self,
        names: [&'static str; N],
    ) -> Result<impl Iterator<Item = Result<Row<'_, N>, BadFile>>, BadFile> {
        let text = self.text.strip_prefix('\u{feff}').unwrap_or(&self.text);
        let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let header: Vec<&str> = lines.next().unwrap_or("").split(',').map(str::trim).collect();
        let mut at = [0; N];
        for (at, name) in at.iter_mut().zip(names) {
            *at = header.iter().position(|column| *column == name).ok_or_else(|| {
                self.complaint(1, format!("the header has no column {name:?}; it needs {}", names.join(",")))
            })?;
        }
        let columns = header.len();
        Ok((2..).zip(lines).filter(|(_, line)| !line.trim().is_empty()).map(move |(line, text)| {
            let cells: Vec<&str> = text.split(',').map(str::trim).collect();
            if cells.len() == columns {
                Ok(Row { path: &self.path, line, names, cells: at.map(|at| cells[at]) })
            } else {
                Err(self.complaint(line, format!("{} columns, the header has {columns}", cells.len())))
            }
        }))
    }

    fn complaint(&self, line: usize, what: String) -> BadFile {
        BadFile::Line { path: self.path.clone(), line, what }
    }
}

/// The text of a file.
pub(super) fn text(path: &Path) -> Result<String, BadFile> {
    let unreadable = |source| BadFile::Unreadable { path: path.to_owned(), source };
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > BYTES_MAX {
        return Err(BadFile::TooLong { path: path.to_owned() });
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let upto = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..upto].iter().filter(|byte| **byte == b'\n').count() + 1;
        BadFile::Line { path: path.to_owned(), line, what: "not UTF-8 text".into() }
    })
}

impl<const N: usize> Row<'_, N> {
    pub(super) fn complaint(&self, what: String) -> BadFile {
        BadFile::Line { path: self.path.to_owned(), line: self.line, what }
    }

    /// The name in a column.
    pub(super) fn name(&self, column: usize) -> Result<&str, BadFile> {
        if self.cells[column].is_empty() {
            return Err(self.complaint(format!("{} is empty", self.names[column])));
        }
        Ok(self.cells[column])
    }

    /// A whole number of seconds, up to ten days.
    pub(super) fn seconds(&self, column: usize) -> Result<u32, BadFile> {
        const MAX: u32 = 864_000;
        let cell = self.cells[column];
        // Some programs write whole numbers with a decimal point.
        let whole = cell
            .split_once('.')
            .map_or(cell, |(whole, rest)| if rest.bytes().all(|byte| byte == b'0') { whole } else { cell });
        whole.parse().ok().filter(|s| *s <= MAX).ok_or_else(|| {
            self.complaint(format!("{} is {cell:?}: whole seconds from 0 to {MAX}", self.names[column]))
        })
    }

    /// A number from `least` to `most`.
    pub(super) fn number(&self, column: usize, least: f64, most: f64) -> Result<f64, BadFile> {
        let cell = self.cells[column];
        cell.parse().ok().filter(|value| (least..=most).contains(value)).ok_or_else(|| {
            self.complaint(format!("{} is {cell:?}: a number from {least} to {most}", self.names[column]))
        })
    }
}
