//! The one place that says who may do what to whose things.
//!
//! Two tables: [`reach`] gives, for an operation and a role, how far the role reaches; [`allow`] compares
//! that with the object. A thing out of reach is *hidden*: the door answers as if it did not exist, so
//! that ids cannot be tried out. An operation the role never has is *forbidden*, which tells nothing.

use ondol_core::ids::{DistrictId, FleetId};

use super::token::Role;

/// What can be asked of a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Search places, see the map, ask a fare.
    SeePlaces,
    /// Make a booking as its rider.
    Book,
    /// See a booking.
    SeeBooking,
    /// End a booking before boarding.
    CancelBooking,
    /// End a trip whose driver cannot, with the fare as told; recorded with both.
    CloseTrip,
    /// Work a shift: attach, beat, report.
    ServeShift,
    /// See the board, the shifts and the modes.
    SeeBoard,
    /// Take in a booking by telephone.
    TakeCall,
    /// See what a caller booked before.
    SeeCaller,
    /// Ask a certain shift, or take a booking back from it.
    AssignByHand,
    /// See a phone number in clear; recorded with a reason.
    RevealNumber,
    /// Take a district by hand, or give it back.
    MoveDistrict,
    /// Let drivers begin shifts at an edge whose bans are old; recorded.
    WaiveBans,
    /// Read the journal's story of a booking, the conflicts, the outage report.
    ReadRecord,
    /// Add or change a driver, or bar one.
    ListDriver,
    /// Revoke a driver's sessions at this node at once.
    RevokeDriver,
    /// Add, change or close an operator's account.
    ListOperator,
    /// Exchange journals and leases.
    SyncJournal,
    /// Speak for people who write texts.
    SpeakForTexts,
    /// Admit a node.
    EnrolNode,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 20] = [
        Self::SeePlaces,
        Self::Book,
        Self::SeeBooking,
        Self::CancelBooking,
        Self::CloseTrip,
        Self::ServeShift,
        Self::SeeBoard,
        Self::TakeCall,
        Self::SeeCaller,
        Self::AssignByHand,
        Self::RevealNumber,
        Self::MoveDistrict,
        Self::WaiveBans,
        Self::ReadRecord,
        Self::ListDriver,
        Self::RevokeDriver,
        Self::ListOperator,
        Self::SyncJournal,
        Self::SpeakForTexts,
        Self::EnrolNode,
    ];
}

/// How far a role reaches with an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Not at all.
    Nowhere,
    /// Its own things: the booking whose link it holds, the shift of its pass.
    Own,
    /// Things in its districts that belong to its fleet or to none yet; for those above fleets, to any.
    Fleet,
    /// The same without what belongs to no fleet: accounts above fleets are not a fleet's to make.
    FleetOnly,
    /// Everything in its districts.
    District,
    /// Everything.
    Everywhere,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// What the caller is.
    pub role: Role,
    /// The caller's fleet; absent for those above fleets.
    pub fleet: Option<FleetId>,
    /// The caller's districts.
    pub districts: Districts,
}

/// The districts of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Districts {
    /// All that the node serves.
    All,
    /// These.
    Some(Vec<DistrictId>),
}

impl Districts {
    /// True if `district` is among them.
    #[must_use]
    pub fn contain(&self, district: &DistrictId) -> bool {
        match self {
            Self::All => true,
            Self::Some(list) => list.contains(district),
        }
    }
}

/// What is asked about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Object<'a> {
    /// Its district; absent for what belongs to no district.
    pub district: Option<&'a DistrictId>,
    /// Its fleet; absent for what belongs to no fleet, as a booking nobody has taken yet.
    pub fleet: Option<&'a FleetId>,
    /// How it stands to the caller.
    pub owner: Owner,
}

/// How an object stands to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Owner {
    /// Somebody else's, or nobody's.
    #[default]
    Other,
    /// The caller's own.
    Caller,
}

/// What the door does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Goes on.
    Allowed,
    /// Answers 403.
    Forbidden,
    /// Answers 404, as for a thing that does not exist.
    Hidden,
}

impl Decision {
    /// Returns nothing if allowed.
    ///
    /// # Errors
    ///
    /// [`super::AuthError`] for the door's answer.
    pub fn check(self) -> Result<(), super::AuthError> {
        match self {
            Self::Allowed => Ok(()),
            Self::Forbidden => Err(super::AuthError::Forbidden),
            Self::Hidden => Err(super::AuthError::Hidden),
        }
    }
}

/// Says whether `caller` may do `operation` to `object`.
#[must_use]
pub fn allow(caller: &Caller, operation: Operation, object: &Object<'_>) -> Decision {
    let in_district = object.district.is_none_or(|district| caller.districts.contain(district));
    let in_fleet = |without_fleet| match (&caller.fleet, object.fleet) {
        (Some(own), Some(fleet)) => own == fleet,
        (Some(_), None) => without_fleet,
        (None, Some(_) | None) => true,
    };
    let within = match reach(operation, caller.role) {
        Reach::Nowhere => return Decision::Forbidden,
        Reach::Own => object.owner == Owner::Caller,
        Reach::Fleet => in_district && in_fleet(true),
        Reach::FleetOnly => in_district && in_fleet(false),
        Reach::District => in_district,
        Reach::Everywhere => true,
    };
    if within { Decision::Allowed } else { Decision::Hidden }
}

/// How far `role` reaches with `operation`.
#[must_use]
pub fn reach(operation: Operation, role: Role) -> Reach {
    holders(operation).iter().find(|(holder, _)| *holder == role).map_or(Reach::Nowhere, |(_, reach)| *reach)
}

/// The table of the whole platform: who has an operation, and how far. A role that is not listed has it nowhere.
fn holders(operation: Operation) -> &'static [(Role, Reach)] {
    use Reach::{District, Everywhere, Fleet, FleetOnly, Own};
    use Role::{Auditor, Driver, EdgeNode, FleetAdmin, Operator, Rider, Sysadmin, Text};
    match operation {
        Operation::SeePlaces => &[
            (Rider, Everywhere),
            (Driver, Everywhere),
            (Operator, Everywhere),
            (FleetAdmin, Everywhere),
            (Auditor, Everywhere),
            (Text, Everywhere),
            (Sysadmin, Everywhere),
        ],
        Operation::Book => &[(Rider, Everywhere)],
        Operation::SeeBooking => &[(Rider, Own), (Operator, Fleet), (FleetAdmin, Fleet), (Auditor, Fleet)],
        Operation::CancelBooking => &[(Rider, Own), (Operator, Fleet)],
        Operation::ServeShift => &[(Driver, Own)],
        Operation::SeeBoard => {
            &[(Operator, Fleet), (FleetAdmin, Fleet), (Auditor, Fleet), (Sysadmin, Everywhere)]
        }
        Operation::TakeCall
        | Operation::SeeCaller
        | Operation::AssignByHand
        | Operation::CloseTrip
        | Operation::RevealNumber => &[(Operator, Fleet)],
        Operation::MoveDistrict => &[(Operator, District), (Sysadmin, Everywhere)],
        Operation::WaiveBans => &[(Operator, District)],
        Operation::ReadRecord => {
            &[(Operator, Fleet), (FleetAdmin, Fleet), (Auditor, Fleet), (Sysadmin, Everywhere)]
        }
        Operation::ListDriver | Operation::ListOperator => &[(FleetAdmin, FleetOnly), (Sysadmin, Everywhere)],
        Operation::RevokeDriver => &[(Operator, FleetOnly), (FleetAdmin, FleetOnly), (Sysadmin, Everywhere)],
        Operation::SyncJournal => &[(EdgeNode, District)],
        Operation::SpeakForTexts => &[(Text, District)],
        Operation::EnrolNode => &[(Sysadmin, Everywhere)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(role: Role, fleet: Option<&str>, districts: &[&str]) -> Caller {
        let districts = districts.iter().map(|name| name.parse().unwrap()).collect();
        Caller { role, fleet: fleet.map(|name| name.parse().unwrap()), districts: Districts::Some(districts) }
    }

    /// Whatever the role and whatever the operation: a foreign fleet's or district's object is never reached
    /// by somebody who belongs to one fleet and one district, except what is everywhere by design.
    #[test]
    fn foreign_things_are_never_within_reach() {
        let (fleet, district): (FleetId, DistrictId) = ("other".parse().unwrap(), "south".parse().unwrap());
        let mut cases = 0;
        for role in Role::ALL {
            for operation in Operation::ALL {
                let foreign = Object { district: Some(&district), fleet: Some(&fleet), owner: Owner::Other };
                let decision = allow(&caller(role, Some("mine"), &["north"]), operation, &foreign);
                match reach(operation, role) {
                    Reach::Everywhere => assert_eq!(decision, Decision::Allowed),
                    Reach::Nowhere => assert_eq!(decision, Decision::Forbidden, "{role:?} {operation:?}"),
                    _ => assert_eq!(decision, Decision::Hidden, "{role:?} {operation:?}"),
                }
                cases += 1;
            }
        }
        assert_eq!(cases, 160);
    }

    #[test]
    fn a_fleet_operator_sees_its_own_and_what_no_fleet_has_taken() {
        let (mine, other): (FleetId, FleetId) = ("mine".parse().unwrap(), "other".parse().unwrap());
        let north: DistrictId = "north".parse().unwrap();
        let operator = caller(Role::Operator, Some("mine"), &["north"]);
        for (fleet, decision) in
            [(Some(&mine), Decision::Allowed), (None, Decision::Allowed), (Some(&other), Decision::Hidden)]
        {
            let object = Object { district: Some(&north), fleet, owner: Owner::Other };
            assert_eq!(allow(&operator, Operation::SeeBooking, &object), decision);
        }
        let above = caller(Role::Operator, None, &["north"]);
        let object = Object { district: Some(&north), fleet: Some(&other), owner: Owner::Other };
        assert_eq!(allow(&above, Operation::SeeBooking, &object), Decision::Allowed);
    }

    #[test]
    fn a_fleet_makes_no_account_above_fleets() {
        let north: DistrictId = "north".parse().unwrap();
        let admin = caller(Role::FleetAdmin, Some("mine"), &["north"]);
        let above = Object { district: Some(&north), fleet: None, owner: Owner::Other };
        assert_eq!(allow(&admin, Operation::ListOperator, &above), Decision::Hidden);
        let mine: FleetId = "mine".parse().unwrap();
        let own = Object { fleet: Some(&mine), ..above };
        assert_eq!(allow(&admin, Operation::ListOperator, &own), Decision::Allowed);
    }

    #[test]
    fn who_only_reads_changes_nothing() {
        let changes = [
            Operation::Book,
            Operation::CancelBooking,
            Operation::CloseTrip,
            Operation::ServeShift,
            Operation::TakeCall,
            Operation::AssignByHand,
            Operation::MoveDistrict,
            Operation::ListDriver,
            Operation::RevokeDriver,
            Operation::ListOperator,
            Operation::SyncJournal,
            Operation::SpeakForTexts,
            Operation::EnrolNode,
        ];
        for operation in changes {
            assert_eq!(reach(operation, Role::Auditor), Reach::Nowhere, "{operation:?}");
        }
    }

    #[test]
    fn only_a_node_syncs_and_only_the_text_process_speaks_for_texts() {
        for role in Role::ALL {
            assert_eq!(reach(Operation::SyncJournal, role) != Reach::Nowhere, role == Role::EdgeNode);
            assert_eq!(reach(Operation::SpeakForTexts, role) != Reach::Nowhere, role == Role::Text);
            assert_eq!(reach(Operation::ServeShift, role) != Reach::Nowhere, role == Role::Driver);
        }
    }

    #[test]
    fn one_rider_does_not_see_another() {
        let rider = Caller { role: Role::Rider, fleet: None, districts: Districts::All };
        for (owner, decision) in [(Owner::Other, Decision::Hidden), (Owner::Caller, Decision::Allowed)] {
            let object = Object { owner, ..Object::default() };
            assert_eq!(allow(&rider, Operation::SeeBooking, &object), decision);
        }
    }
}
