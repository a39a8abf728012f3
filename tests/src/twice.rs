//! Two taxis for one rider at the same time.

use ondol_core::booking::{AssignmentRecord, BookingRecord};
use ondol_core::units::UtcMs;

/// So long may the first taxi of an exchange not know of it, in milliseconds: two of its phone's beats, and the way of what
/// it tells. Drives that are doubled for longer count.
const EXCHANGE_MS: i64 = 30_000;

/// From when until when a bond held; nothing if it never did.
pub(crate) fn span(bond: &AssignmentRecord) -> Option<(UtcMs, UtcMs)> {
    let boarded_at = bond.boarded.map(|(at, _)| at);
    let from = bond.assigned_at.or(bond.arrived_at).or(boarded_at)?;
    let released_at = bond.released.map(|(at, _)| at).filter(|_| boarded_at.is_none());
    Some((from, bond.over_at().or(released_at).unwrap_or(UtcMs(i64::MAX)).max(from)))
}

/// True if two taxis were bound to one rider at the same time. `records` are what districts know of the booking: one that
/// was lent has bonds in two.
pub(crate) fn taxis_at_once<'a>(records: impl IntoIterator<Item = &'a BookingRecord>) -> bool {
    let bonds =
        records.into_iter().flat_map(|record| record.assignments.iter().map(move |bond| (record, bond)));
    let mut spans: Vec<_> = bonds
        .filter_map(|(record, (id, bond))| {
            let (from, until) = span(bond)?;
            let is_let_go = record.is_exchanged(id) && bond.boarded.is_none();
            Some((from, if is_let_go { UtcMs(until.0 - EXCHANGE_MS).max(from) } else { until }))
        })
        .collect();
    spans.sort_unstable();
    spans.windows(2).any(|pair| pair[0].1 > pair[1].0)
}
