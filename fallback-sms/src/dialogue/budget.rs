//! How many texts may leave, to whom: against pumping, loops and a bill nobody expected.

use serde::Deserialize;

use super::Party;

/// What has been sent and heard, counted by the store before a text leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Texts to this number in the last 10 minutes.
    pub number_10min: u32,
    /// Texts to this number in the last 24 hours.
    pub number_day: u32,
    /// Texts to numbers of strangers with the same first digits in the last 10 minutes.
    pub prefix_10min: u32,
    /// Texts to anybody in the last minute.
    pub minute: u32,
    /// Messages paid for in the last 24 hours: a long text is several.
    pub segments_day: u32,
}

/// The limits of a depot; `[budgets]` of the configuration. All counts are texts, but the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// To a stranger in 10 minutes.
    pub stranger_10min: u32,
    /// To a stranger in a day.
    pub stranger_day: u32,
    /// To a rider or driver in 10 minutes.
    pub known_10min: u32,
    /// To a rider or driver in a day.
    pub known_day: u32,
    /// To strangers of one prefix in 10 minutes.
    pub prefix_10min: u32,
    /// To anybody in a minute.
    pub minute: u32,
    /// Messages in a day: the money.
    pub segments_day: u32,
    /// Texts of one number that are read in 10 minutes; more are kept unread.
    pub heard_10min: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stranger_10min: 6,
            stranger_day: 20,
            known_10min: 20,
            known_day: 300,
            prefix_10min: 60,
            minute: 120,
            segments_day: 5_000,
            heard_10min: 30,
        }
    }
}

/// How much a text matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// It may be dropped when a budget is spent.
    Plain,
    /// An offer, a PIN, an answer to SOS: counts against the day's money only.
    Urgent,
}

/// The budget that is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// Of this number.
    Number,
    /// Of its prefix.
    Prefix,
    /// Of the minute.
    Minute,
    /// Of the day: the money.
    Money,
}

impl Spent {
    /// The budget's name in logs and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Prefix => "prefix",
            Self::Minute => "minute",
            Self::Money => "money",
        }
    }
}

/// Tells whether one more text may leave.
///
/// # Errors
///
/// The budget that is spent, the widest first.
pub fn allow(usage: &Usage, limits: &Limits, party: Party, urgency: Urgency) -> Result<(), Spent> {
    if usage.segments_day >= limits.segments_day {
        return Err(Spent::Money);
    }
    if urgency == Urgency::Urgent {
        return Ok(());
    }
    if usage.minute >= limits.minute {
        return Err(Spent::Minute);
    }
    let (number_10min, number_day) = match party {
        Party::Stranger => (limits.stranger_10min, limits.stranger_day),
        Party::Rider | Party::Driver => (limits.known_10min, limits.known_day),
    };
    if usage.number_10min >= number_10min || usage.number_day >= number_day {
        return Err(Spent::Number);
    }
    if party == Party::Stranger && usage.prefix_10min >= limits.prefix_10min {
        return Err(Spent::Prefix);
    }
    Ok(())
}

/// The first digits that strangers of one pump share: `+82101234` of `+821012345678`.
#[must_use]
pub fn prefix(phone: &str) -> String {
    let keep = phone.chars().count().saturating_sub(4).clamp(1, 9);
    phone.chars().take(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_budget_ends() {
        let limits = Limits::default();
        let cases = [
            (Usage { number_10min: 6, ..Usage::default() }, Spent::Number),
            (Usage { number_day: 20, ..Usage::default() }, Spent::Number),
            (Usage { prefix_10min: 60, ..Usage::default() }, Spent::Prefix),
            (Usage { minute: 120, ..Usage::default() }, Spent::Minute),
            (Usage { segments_day: 5_000, ..Usage::default() }, Spent::Money),
        ];
        for (usage, spent) in cases {
            assert_eq!(allow(&usage, &limits, Party::Stranger, Urgency::Plain), Err(spent), "{usage:?}");
        }
        assert_eq!(allow(&Usage::default(), &limits, Party::Stranger, Urgency::Plain), Ok(()));
    }

    #[test]
    fn an_urgent_text_stops_for_money_only() {
        let limits = Limits::default();
        let busy =
            Usage { number_10min: 99, number_day: 999, prefix_10min: 99, minute: 999, segments_day: 4_999 };
        assert_eq!(allow(&busy, &limits, Party::Driver, Urgency::Urgent), Ok(()));
        let broke = Usage { segments_day: 5_000, ..busy };
        assert_eq!(allow(&broke, &limits, Party::Driver, Urgency::Urgent), Err(Spent::Money));
    }

    #[test]
    fn a_driver_may_get_more_than_a_stranger() {
        let limits = Limits::default();
        let usage = Usage { number_10min: 10, number_day: 100, prefix_10min: 60, ..Usage::default() };
        assert_eq!(allow(&usage, &limits, Party::Driver, Urgency::Plain), Ok(()));
        assert_eq!(allow(&usage, &limits, Party::Stranger, Urgency::Plain), Err(Spent::Number));
    }

    #[test]
    fn a_prefix_leaves_out_the_end() {
        assert_eq!(prefix("+821012345678"), "+82101234");
        assert_eq!(prefix("+821"), "+");
    }
}
