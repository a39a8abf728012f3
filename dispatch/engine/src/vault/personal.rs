//! What is sealed: the shapes that all doors agree on.
//!
//! Only text that is not needed to dispatch. A later release may add fields: unknown ones are passed over.

use serde::{Deserialize, Serialize};

use super::E164;

/// A rider's personal text, sealed in a booking's request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RiderPersonal {
    /// What the rider is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The rider's number; shown to the driver from acceptance to boarding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<E164>,
    /// A note to the driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What the rider calls the pickup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup_label: Option<String>,
    /// What the rider calls the destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff_label: Option<String>,
}

/// A driver's personal text, sealed in the roster.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DriverPersonal {
    /// What the driver is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The driver's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<E164>,
}
