//! Whom central lists, and whom it bars. Edges read the roster and write nothing in it.

use crate::command::{Answer, Refusal};
use crate::face::Role;
use crate::fact::{Driver, Fact, district_wide};
use crate::hlc;
use crate::ids::{DistrictId, DriverId};
use crate::units::Now;

use super::Node;

impl Node {
    /// Lists a driver as told. The bar goes with the person: the driver's listings in other districts follow.
    pub(super) fn list_driver(&mut self, driver: Driver, now: Now) -> Result<Answer, Refusal> {
        self.may_list(&driver.district)?;
        let others =
            self.listings(driver.driver).into_iter().filter(|known| known.district != driver.district);
        for other in others.filter(|known| known.banned != driver.banned) {
            self.list_with(other, driver.banned, now)?;
        }
        // Last, for the latest listing says where the driver works.
        let banned = driver.banned;
        self.list_with(driver, banned, now)
    }

    /// Lists a driver and leaves barred who is barred. Read here and not by who asks: between a look and a command,
    /// somebody else may bar the driver.
    pub(super) fn relist_driver(&mut self, mut driver: Driver, now: Now) -> Result<Answer, Refusal> {
        if let Some((_, known)) = self.board.driver(driver.driver) {
            driver.banned = known.banned;
        }
        self.list_driver(driver, now)
    }

    /// Bars a driver, or admits the driver again, wherever listed.
    pub(super) fn bar_driver(&mut self, driver: DriverId, banned: bool, now: Now) -> Result<Answer, Refusal> {
        self.is_central()?;
        let listings = self.listings(driver);
        if listings.is_empty() {
            return Err(Refusal::UnknownDriver);
        }
        // A listing that changes gets a later stamp: then the last one is written too, so that it stays the last.
        if listings.iter().any(|known| known.banned != banned) {
            for known in listings {
                self.list_with(known, banned, now)?;
            }
        }
        Ok(Answer::Done)
    }

    /// The listings of a driver in the districts of this node, the latest last.
    fn listings(&self, driver: DriverId) -> Vec<Driver> {
        let served = self.board.listings(driver).filter(|(id, _)| self.serves(id).is_ok());
        let mut listings: Vec<_> = served.map(|(_, listed)| listed).collect();
        listings.sort_by_key(|(stamp, _)| *stamp);
        listings.into_iter().map(|(_, driver)| driver.clone()).collect()
    }

    fn list_with(&mut self, driver: Driver, banned: bool, now: Now) -> Result<Answer, Refusal> {
        let driver = Driver { banned, ..driver };
        let district = driver.district.clone();
        self.list(&district, Fact::DriverListed { driver }, now)
    }

    /// Writes one line of the roster.
    pub(super) fn list(&mut self, district: &DistrictId, fact: Fact, now: Now) -> Result<Answer, Refusal> {
        self.may_list(district)?;
        // The latest listing stands, so it must be stamped after the one that it replaces, whatever clock stamped that.
        if let Some(known) = self.listed_at(district, &fact) {
            self.clock.resume(known);
        }
        self.append(district, district_wide(), fact, now);
        Ok(Answer::Done)
    }

    fn may_list(&self, district: &DistrictId) -> Result<(), Refusal> {
        self.is_central()?;
        self.serves(district)
    }

    /// The roster is written by central alone.
    fn is_central(&self) -> Result<(), Refusal> {
        match self.config.role {
            Role::Central => Ok(()),
            Role::Edge { .. } => Err(Refusal::OtherNode),
        }
    }

    /// Stamp of the listing that `fact` replaces; of a driver's, the latest in any district.
    fn listed_at(&self, district: &DistrictId, fact: &Fact) -> Option<hlc::Hlc> {
        match fact {
            Fact::DriverListed { driver } => {
                self.board.listings(driver.driver).map(|(_, (stamp, _))| *stamp).max()
            }
            Fact::StandListed { stand, .. } => {
                self.district(district)?.stands.get(stand).map(|stand| stand.hlc)
            }
            _ => None,
        }
    }
}
