//! Names and identifiers.
//!
//! *Names* (nodes, districts, zones, fleets, stands) are short and chosen by people.
//! *Identifiers* are 128 bits and made by whoever creates the thing, usually a phone, so that a
//! request repeated after a lost answer names the same booking again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;
use uuid::Uuid;

/// Longest name of a node, district, zone, fleet or stand, in bytes.
pub const NAME_MAX: usize = 32;

/// A name that breaks the rule for names.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{value:?} is not a name: use 1 to {NAME_MAX} of a-z, 0-9 and -")]
pub struct InvalidName {
    value: String,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Returns the name.
            ///
            /// # Errors
            ///
            /// [`InvalidName`] unless it is 1 to 32 of `a-z`, `0-9` and `-`.
            pub fn new(value: &str) -> Result<Self, InvalidName> {
                let well_formed = (1..=NAME_MAX).contains(&value.len())
                    && value.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
                if well_formed { Ok(Self(value.to_owned())) } else { Err(InvalidName { value: value.chars().take(64).collect() }) }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;
            fn from_str(value: &str) -> Result<Self, InvalidName> {
                Self::new(value)
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;
            fn try_from(value: String) -> Result<Self, InvalidName> {
                Self::new(&value)
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> String {
                value.0
            }
        }
    };
}

name! {
    /// One running place of the program: central, or the edge of a district.
    NodeId
}
name! {
    /// The area of one edge.
    DistrictId
}
name! {
    /// A dispatch area inside a district.
    ZoneId
}
name! {
    /// A taxi company.
    FleetId
}
name! {
    /// A place where taxis wait in a queue; the code is painted on its pole (`#12`).
    StandId
}

impl DistrictId {
    /// The series that every node follows: the roster and other settings of the whole platform.
    ///
    /// # Panics
    ///
    /// Never: the name is well formed.
    #[must_use]
    pub fn all() -> Self {
        Self::new("all").expect("a literal that obeys the rule for names")
    }
}

macro_rules! identifier {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(pub Uuid);

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl FromStr for $type {
            type Err = uuid::Error;
            fn from_str(value: &str) -> Result<Self, uuid::Error> {
                value.parse().map(Self)
            }
        }

        impl $type {
            /// Returns the identifier of a small number, for tests and seeded runs.
            #[must_use]
            pub fn from_number(number: u128) -> Self {
                Self(Uuid::from_u128(number))
            }
        }
    };
}

identifier! {
    /// A rider's request until it is closed. It *is* the request key that the rider's device made,
    /// so the same request at two nodes is the same booking.
    BookingId
}
identifier! {
    /// A driver in a vehicle on duty; the thing that is assigned.
    ShiftId
}
identifier! {
    /// A registered driver.
    DriverId
}
identifier! {
    /// A registered vehicle.
    VehicleId
}
identifier! {
    /// A driver's phone with the app; a reinstalled phone is another device.
    DeviceId
}
identifier! {
    /// A person: rider, driver or operator. Random, so that it tells nothing.
    SubjectId
}
identifier! {
    /// A command that must be done once however often it arrives.
    CommandId
}

/// The bond between a booking and a shift, named by whoever made it.
///
/// `origin:incarnation:counter`. A node restored from a backup opens a new incarnation and so
/// cannot use a number twice. Street hails are made by devices, which count for themselves.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AssignmentId {
    /// Who made it.
    pub origin: NodeId,
    /// Which life of the origin made it.
    pub incarnation: u32,
    /// Dense within the incarnation.
    pub counter: u64,
}

impl AssignmentId {
    /// Returns the identifier of a street hail: the device counts for itself.
    ///
    /// # Panics
    ///
    /// Never: hexadecimal digits obey the rule for names.
    #[must_use]
    pub fn of_device(device: DeviceId, counter: u64) -> Self {
        let digits = device.0.simple().to_string();
        let origin = NodeId::new(&format!("d-{}", &digits[..24])).expect("hexadecimal digits are a name");
        Self { origin, incarnation: 0, counter }
    }
}

impl BookingId {
    /// The id of a device's `count`th street hail: nobody else makes the same, and the same count makes it again.
    #[must_use]
    pub fn of_hail(device: DeviceId, count: u64) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"ondol-street-hail");
        hasher.update(device.0.as_bytes());
        hasher.update(count.to_be_bytes());
        let digest = hasher.finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

impl AssignmentId {
    /// The letter that names the offer in a text message: `1K` accepts offer K.
    ///
    /// Each life of a node counts from 1, so it begins with another letter: a late yes to a question of the life
    /// before is then hardly ever a yes to one of this life.
    #[must_use]
    pub fn letter(&self) -> char {
        let life = u64::from(self.incarnation).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let number = self.counter.wrapping_add(life) % 26;
        char::from(b'A' + u8::try_from(number).expect("a remainder below 26"))
    }
}

impl fmt::Display for AssignmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.origin, self.incarnation, self.counter)
    }
}

impl fmt::Debug for AssignmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that does not name an assignment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("an assignment is written node:incarnation:counter")]
pub struct InvalidAssignmentId;

impl FromStr for AssignmentId {
    type Err = InvalidAssignmentId;
    fn from_str(value: &str) -> Result<Self, InvalidAssignmentId> {
        let mut parts = value.split(':');
        let (Some(origin), Some(incarnation), Some(counter), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidAssignmentId);
        };
        Ok(Self {
            origin: origin.parse().map_err(|_| InvalidAssignmentId)?,
            incarnation: incarnation.parse().map_err(|_| InvalidAssignmentId)?,
            counter: counter.parse().map_err(|_| InvalidAssignmentId)?,
        })
    }
}

impl TryFrom<String> for AssignmentId {
    type Error = InvalidAssignmentId;
    fn try_from(value: String) -> Result<Self, InvalidAssignmentId> {
        value.parse()
    }
}

impl From<AssignmentId> for String {
    fn from(value: AssignmentId) -> String {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_names_that_could_hide_something() {
        for bad in ["", "Central", "a b", "edge/1", "강남", "a:b", &"x".repeat(33)] {
            assert!(NodeId::new(bad).is_err(), "{bad:?}");
        }
        assert!(serde_json::from_str::<ZoneId>("\"UP\"").is_err());
    }

    #[test]
    fn assignment_survives_text() {
        let id = AssignmentId { origin: "edge-1".parse().unwrap(), incarnation: 3, counter: 17 };
        assert_eq!(id.to_string(), "edge-1:3:17");
        assert_eq!("edge-1:3:17".parse(), Ok(id));
        for bad in ["edge-1:3", "edge-1:3:17:1", "edge-1:-3:17", ":3:17"] {
            assert_eq!(bad.parse::<AssignmentId>(), Err(InvalidAssignmentId), "{bad}");
        }
    }
}
