//! Whom central lists, and whom it bars. Edges read the roster and write nothing in it; an operator there may decide that
//! drivers begin shifts although nobody knows whom central has barred meanwhile.

use crate::command::{Answer, Refusal, WAIVE_MAX_MS};
use crate::face::Role;
use crate::fact::{Driver, Fact, district_wide};
use crate::hlc;
use crate::ids::{DistrictId, DriverId};
use crate::planted;
use crate::units::{Now, UtcMs};

use super::Node;
use super::lease::Side;

impl Node {
    /// True if this edge has been out of touch with central's roster for longer than bans may age, and nobody has waived
    /// that: then no driver begins a shift here.
    pub(super) fn bans_are_old(&self, district: &DistrictId, now: Now) -> bool {
        let Some(Side::Edge(side)) = self.sides.get(district) else { return false };
        let since = self.level_at.get(&side.central).copied().unwrap_or(self.started_at);
        let age_ms = now.ticks.since_ms(since);
        let are_old = planted!("expired-ban-list-accepted", age_ms > self.config.timing.bans_fresh_ms, false);
        are_old && self.bans_waived_until(district, now).is_none()
    }

    /// True if this node knows whom central has barred: it is central, or an edge that has been level with it lately, in
    /// this life.
    #[must_use]
    pub fn knows_bans(&self, district: &DistrictId, now: Now) -> bool {
        let Some(Side::Edge(side)) = self.sides.get(district) else {
            return self.config.role == Role::Central;
        };
        let age_ms = self.level_with_ms(&side.central, now);
        age_ms.is_some_and(|age_ms| age_ms <= self.config.timing.bans_fresh_ms)
    }

    /// Until when an operator has waived that bans are old, if that lasts.
    #[must_use]
    pub fn bans_waived_until(&self, district: &DistrictId, now: Now) -> Option<UtcMs> {
        let (_, until) = self.district(district)?.bans_waived?;
        // Whoever says that it lasts longer has a clock that is wrong, or lies.
        let lasts = |until: &UtcMs| *until > now.utc && *until <= now.utc.plus_ms(WAIVE_MAX_MS);
        planted!("waiver-outlives-its-time", Some(until).filter(lasts), Some(until))
    }

    /// Says whether an operator here may waive old bans for so long.
    ///
    /// # Errors
    ///
    /// [`Refusal::OtherDistrict`], [`Refusal::OtherNode`] at central, or [`Refusal::OutOfRange`].
    pub fn may_waive_bans(&self, district: &DistrictId, for_ms: u64) -> Result<(), Refusal> {
        self.serves(district)?;
        if self.config.role == Role::Central {
            return Err(Refusal::OtherNode);
        }
        if for_ms > WAIVE_MAX_MS {
            return Err(Refusal::OutOfRange);
        }
        Ok(())
    }

    /// An operator at the edge answers for who begins a shift while central cannot say who was barred since.
    pub(super) fn waive_bans(
        &mut self,
        district: &DistrictId,
        for_ms: u64,
        now: Now,
    ) -> Result<Answer, Refusal> {
        self.may_waive_bans(district, for_ms)?;
        let (until, at) = (now.utc.plus_ms(for_ms), now.utc);
        self.append(district, district_wide(), Fact::BansWaived { until, at }, now);
        Ok(Answer::Done)
    }

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
