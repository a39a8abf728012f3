//! A reader that refuses a piece of XML longer than any honest one.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// Longest single tag or text, in bytes. A long OSMnx geometry is about 100 kB.
pub(crate) const PIECE_MAX: usize = 1 << 20;
/// Longest unpacked file, in bytes.
pub(crate) const UNPACKED_MAX: u64 = 16 << 30;

/// What [`Bounded`] says when a bound is passed.
pub(crate) const TOO_LONG: &str = "a tag or text is longer than 1 MiB";

/// The bytes that may still be read before the next [`Budget::renew`].
#[derive(Clone)]
pub(crate) struct Budget {
    piece: Rc<Cell<usize>>,
}

impl Budget {
    /// Starts the next piece.
    pub(crate) fn renew(&self) {
        self.piece.set(PIECE_MAX);
    }
}

/// Counts what is consumed; an error instead of endless memory.
pub(crate) struct Bounded<R> {
    inner: R,
    budget: Budget,
    total: u64,
}

impl<R: BufRead> Bounded<R> {
    pub(crate) fn new(inner: R) -> (Self, Budget) {
        let budget = Budget { piece: Rc::new(Cell::new(PIECE_MAX)) };
        (Self { inner, budget: budget.clone(), total: 0 }, budget)
    }
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(buffer.len());
        buffer[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.budget.piece.get() == 0 {
            return Err(io::Error::other(TOO_LONG));
        }
        if self.total > UNPACKED_MAX {
            return Err(io::Error::other("more than 16 GiB unpacked"));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.budget.piece.set(self.budget.piece.get().saturating_sub(amount));
        self.total += amount as u64;
        self.inner.consume(amount);
    }
}
