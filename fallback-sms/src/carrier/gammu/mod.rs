//! The spool folders of gammu-smsd (service = files), the default carrier of a depot.
//!
//! ```text
//! gammu-smsd ──▶ inbox/ IN20260302_090000_00_+821012345678_00.txt ──▶ us
//! us ──▶ outbox/ OUTA20260302_090001_00_+821012345678_<id>.txt ──▶ gammu-smsd ──▶ sent/ or error/
//! ```
//!
//! **Files**: UTF-16 with a byte-order mark (`inboxformat = unicode`); gammu-smsd 1.42 pads what it
//! writes with NULs, so a text ends at the first one. Each part of a long text is a file of its own,
//! `_00`, `_01`, …; how many there are is not written anywhere, so a text counts as complete when
//! its files have not changed between two looks.
//! What cannot be read is moved to `quarantine/`, never deleted.
//!
//! **Settings** of gammu-smsd that this relies on: `inboxformat = unicode`, `receivefrequency = 1`,
//! `deliveryreport = no` (a report would arrive as a text of the other side).
//!
//! **Source**: Gammu manual, "Files backend"; checked against gammu-smsd 1.42.0 with its dummy phone.

mod counterpart;
mod names;
mod spool;
mod text;

pub use counterpart::Counterpart;
pub use names::{InboxName, OutboxName};
pub use spool::{Folders, GammuSpool};
