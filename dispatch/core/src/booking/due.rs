//! What central may charge for a booking.

use super::{BookingRecord, Payment};
use crate::planted;
use crate::units::Money;

/// Most that is charged by machine, of the fare that the rider was shown: traffic and a detour, not a typing error.
const CHARGE_OF_QUOTE_PER_CENT: i64 = 150;
/// Most that is charged by machine where no fare was shown, in the tariff's currency.
const CHARGE_WITHOUT_QUOTE_MAX: Money = Money(200_000);

/// What central may charge for a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing: it is charged already, was paid in the vehicle, has not ended, or nobody knows the fare.
    Nothing,
    /// This amount.
    Charge(Money),
    /// A human decides: driver and rider differ about how it is paid, the amount is not plausible, or another one was
    /// charged.
    Operator,
}

impl BookingRecord {
    /// What central may charge by machine: the fare of the one trip that carried the rider, if the rider chose to
    /// pay later and the amount is plausible. A device's word alone charges nobody. What was charged by an operator's
    /// word stays, and is an operator's case again if the driver's differs. So is a rider whom the taxi of another
    /// district says that it carried as well.
    #[must_use]
    pub fn due(&self) -> Due {
        let mut carried = self.assignments.values().filter(|bond| bond.boarded.is_some());
        let (Some(bond), None) = (carried.next(), carried.next()) else { return Due::Nothing };
        let (Some(fare), Some(request)) = (bond.fare(), self.request()) else { return Due::Nothing };
        if let Some(charged) = self.charged {
            // The driver's own word may also be that the rider has paid in the car.
            let differs = charged != fare.amount || fare.payment != Payment::Deferred;
            let differs = bond.closed.is_some() && differs;
            return if differs { Due::Operator } else { Due::Nothing };
        }
        if fare.payment != Payment::Deferred {
            return Due::Nothing;
        }
        if planted!("unverified-charged", self.is_unverified(), false) {
            return Due::Operator;
        }
        let most = request.quote.as_ref().map_or(CHARGE_WITHOUT_QUOTE_MAX, |quote| {
            Money(quote.fare.0.saturating_mul(CHARGE_OF_QUOTE_PER_CENT) / 100)
        });
        let carried_elsewhere = self.away().is_some_and(|(_, loan)| loan.told_boarded());
        let plausible = (0..=most.0).contains(&fare.amount.0) && !carried_elsewhere;
        if request.payment == Payment::Deferred && plausible {
            Due::Charge(fare.amount)
        } else {
            Due::Operator
        }
    }

    /// The planted bug: the fare of each trip, whatever was charged before.
    #[cfg(feature = "planted")]
    pub(crate) fn due_of_each(&self) -> Due {
        let deferred = |fare: &crate::fact::Fare| fare.payment == Payment::Deferred;
        let mut fares = self.assignments.iter().filter_map(|(id, bond)| Some((id, &bond.done.as_ref()?.1)));
        fares
            .find(|(id, fare)| deferred(fare) && crate::planted::first_time(id.to_string()))
            .map_or(Due::Nothing, |(_, fare)| Due::Charge(fare.amount))
    }
}
