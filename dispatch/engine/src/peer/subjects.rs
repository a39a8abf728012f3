//! Whose sealed text entries carry: a person's key goes where the text goes, and nowhere else.

use std::collections::BTreeSet;

use ondol_core::ids::SubjectId;
use ondol_core::journal::Entry;
use serde_json::Value;

/// Most people whose keys go with one page.
const SUBJECTS_MAX: usize = 500;

/// Who is named in a page.
pub(super) struct Subjects {
    pub(super) named: BTreeSet<SubjectId>,
    /// Entries were left out of the page, so that the keys fit.
    pub(super) cut: bool,
}

/// Everybody whose sealed text is in `entries`, which are cut to as many people as one page may have.
pub(super) fn cut_to_subjects(entries: &mut Vec<Entry>) -> Subjects {
    let mut named = BTreeSet::new();
    for (at, entry) in entries.iter().enumerate() {
        named.extend(of_entry(entry));
        if named.len() > SUBJECTS_MAX {
            entries.truncate(at.max(1));
            let named = entries.iter().flat_map(of_entry).collect();
            return Subjects { named, cut: true };
        }
    }
    Subjects { named, cut: false }
}

/// Everybody whose sealed text is in one entry, also if its kind belongs to a later release: whatever has a
/// `subject` beside a `text`.
pub(super) fn of_entry(entry: &Entry) -> Vec<SubjectId> {
    let mut found = Vec::new();
    if entry.payload.contains("\"subject\"")
        && let Ok(value) = serde_json::from_str::<Value>(&entry.payload)
    {
        collect(&value, &mut found);
    }
    found
}

fn collect(value: &Value, found: &mut Vec<SubjectId>) {
    match value {
        Value::Object(fields) => {
            if let (Some(Value::String(subject)), Some(Value::String(_))) =
                (fields.get("subject"), fields.get("text"))
            {
                found.extend(subject.parse::<SubjectId>());
            }
            fields.values().for_each(|inner| collect(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| collect(inner, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
