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
    /// Of these, messages to strangers.
    pub strangers_day: u32,
}

/// The limits of a depot; `[budgets]` of the configuration. All counts are texts, but those called messages: a long
/// text is several.
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
    /// Of these, messages to strangers: whoever writes in from many numbers spends no more.
    pub strangers_day: u32,
    /// Of the messages in a day, those kept for urgent texts: offers, PINs, answers to SOS.
    pub reserve_day: u32,
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
            strangers_day: 2_000,
            reserve_day: 1_000,
            heard_10min: 30,
        }
    }
}

/// How much a text matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// It may be dropped when a budget is spent.
    Plain,
    /// An offer, a PIN, an answer to SOS: may use the day's reserve. To riders and drivers it counts against the
    /// day's money only; to a stranger, against twice the number's and the strangers' budgets.
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
    /// Of all strangers together, for the day.
    Strangers,
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
            Self::Strangers => "strangers",
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
    let reserve = limits.reserve_day.min(limits.segments_day);
    let (money, strangers, times) = match urgency {
        Urgency::Plain => (limits.segments_day - reserve, limits.strangers_day, 1),
        // Strangers in danger may use half of the reserve: the rest stays for offers and PINs.
        Urgency::Urgent => (limits.segments_day, limits.strangers_day.saturating_add(reserve / 2), 2),
    };
    if usage.segments_day >= money {
        return Err(Spent::Money);
    }
    let (number_10min, number_day) = match (party, urgency) {
        (Party::Rider | Party::Driver, Urgency::Urgent) => return Ok(()),
        (Party::Rider | Party::Driver, Urgency::Plain) => (limits.known_10min, limits.known_day),
        (Party::Stranger, _) => {
            (limits.stranger_10min.saturating_mul(times), limits.stranger_day.saturating_mul(times))
        }
    };
    if party == Party::Stranger && usage.strangers_day >= strangers {
        return Err(Spent::Strangers);
    }
    if urgency == Urgency::Plain && usage.minute >= limits.minute {
        return Err(Spent::Minute);
    }
    if usage.number_10min >= number_10min || usage.number_day >= number_day {
        return Err(Spent::Number);
    }
    if urgency == Urgency::Urgent {
        return Ok(());
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
            (Usage { segments_day: 4_000, ..Usage::default() }, Spent::Money),
            (Usage { strangers_day: 2_000, ..Usage::default() }, Spent::Strangers),
        ];
        for (usage, spent) in cases {
            assert_eq!(allow(&usage, &limits, Party::Stranger, Urgency::Plain), Err(spent), "{usage:?}");
        }
        assert_eq!(allow(&Usage::default(), &limits, Party::Stranger, Urgency::Plain), Ok(()));
    }

    #[test]
    fn an_urgent_text_to_a_driver_stops_for_money_only() {
        let limits = Limits::default();
        let busy = Usage {
            number_10min: 99,
            number_day: 999,
            prefix_10min: 99,
            minute: 999,
            segments_day: 4_999,
            strangers_day: 4_999,
        };
        assert_eq!(allow(&busy, &limits, Party::Driver, Urgency::Urgent), Ok(()));
        let broke = Usage { segments_day: 5_000, ..busy };
        assert_eq!(allow(&broke, &limits, Party::Driver, Urgency::Urgent), Err(Spent::Money));
    }

    #[test]
    fn strangers_cannot_spend_what_others_need() {
        let limits = Limits::default();
        // All that strangers can make us spend, first with anything, then with SOS.
        let pumped = Usage { strangers_day: 2_000, segments_day: 2_000, minute: 119, ..Usage::default() };
        assert_eq!(allow(&pumped, &limits, Party::Stranger, Urgency::Plain), Err(Spent::Strangers));
        assert_eq!(allow(&pumped, &limits, Party::Stranger, Urgency::Urgent), Ok(()), "danger is answered");
        let worse = Usage { strangers_day: 2_500, segments_day: 2_500, ..pumped };
        assert_eq!(allow(&worse, &limits, Party::Stranger, Urgency::Urgent), Err(Spent::Strangers));
        assert_eq!(allow(&worse, &limits, Party::Rider, Urgency::Plain), Ok(()));
        // A busy day of riders and drivers leaves the reserve to offers and PINs.
        let busy = Usage { segments_day: 4_000, ..Usage::default() };
        assert_eq!(allow(&busy, &limits, Party::Rider, Urgency::Plain), Err(Spent::Money));
        assert_eq!(allow(&busy, &limits, Party::Rider, Urgency::Urgent), Ok(()));
    }

    #[test]
    fn one_stranger_is_answered_twelve_times_in_danger() {
        let limits = Limits::default();
        let urgent = |number_10min| {
            let usage = Usage { number_10min, ..Usage::default() };
            allow(&usage, &limits, Party::Stranger, Urgency::Urgent)
        };
        assert_eq!((urgent(11), urgent(12)), (Ok(()), Err(Spent::Number)));
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
