//! Which district has a booking: the memory of the checker `lent`.
//!
//! Only what arrives counts: a booking that is on its way from one district to another is still where it was, and may be
//! offered there no more than anywhere else by the rules of the product. The checker sees the offer that comes after it
//! has arrived elsewhere, or before.

use std::collections::{BTreeMap, BTreeSet};

use ondol_core::ids::{BookingId, DistrictId};
use ondol_core::journal::{Entry, Series};
use ondol_core::loan::{Loan, LoanId};
use ondol_core::node::Node;

/// Where bookings are.
#[derive(Debug, Default)]
pub(super) struct Holders {
    holder: BTreeMap<BookingId, DistrictId>,
    /// The loan by which each got there: an older one, whose end is written late, moves nothing any more.
    latest: BTreeMap<BookingId, LoanId>,
    /// The entry by which each was given back last, in the district of the borrower and in that of the lender.
    returned: BTreeMap<(BookingId, DistrictId), (Series, u64)>,
    /// The rider asked more than one node for it, or again, or an operator decided.
    excused: BTreeSet<BookingId>,
}

impl Holders {
    /// A node took it in from its rider. A second node that does so was asked, too.
    pub(super) fn taken_in(&mut self, booking: BookingId, district: &DistrictId) {
        if self.holder.insert(booking, district.clone()).is_some() {
            self.excused.insert(booking);
        }
    }

    pub(super) fn excuse(&mut self, booking: BookingId) {
        self.excused.insert(booking);
    }

    /// The entry says that the booking has arrived in a district: transferred at the borrower, or returned at the
    /// lender.
    pub(super) fn moved(&mut self, booking: BookingId, id: LoanId, loan: &Loan, entry: &Entry) {
        let district = &entry.series.district;
        let latest = self.latest.entry(booking).or_insert(id);
        if id < *latest {
            return;
        }
        *latest = id;
        let arrives = if loan.over { loan.lent.is_some() } else { loan.borrowed.is_some() };
        if arrives {
            self.holder.insert(booking, district.clone());
        }
        if loan.over {
            self.returned.insert((booking, district.clone()), (entry.series.clone(), entry.seq));
        }
    }

    /// A node offers it in `district`: what is wrong with that, if anything.
    pub(super) fn elsewhere(&self, node: &Node, district: &DistrictId, booking: BookingId) -> Option<String> {
        let holder = self.holder.get(&booking).filter(|holder| *holder != district)?;
        // Whose rider was asked because a neighbour is silent an operator may give to whom it seems right.
        let excused = self.excused.contains(&booking) || node.asks_if_still_wanted(district, booking);
        // Central gave it back while it had both districts, and its disk stood still before anybody heard of that: the
        // borrower took its district again, and goes on with what it has.
        let given_back = self.returned.get(&(booking, district.clone()));
        let is_unheard = given_back.is_some_and(|(series, seq)| node.board().head(series).seq < *seq);
        (!excused && !is_unheard)
            .then(|| format!("{} offers {booking} in {district}, and {holder} has it", node.config().id))
    }
}
