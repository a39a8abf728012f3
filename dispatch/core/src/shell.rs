//! What every shell of a node must decide alike, pure: what waits for the disk, and which life comes next.
//!
//! The engine and the fault simulator use the same code, so that the simulator proves what is shipped.

use crate::command::Notice;
use crate::face::Output;
use crate::journal::Entry;
use crate::planted;

/// What a node wants done: what must be durable first, and the effects that wait for it.
///
/// ```text
/// Output ──put──▶ entries, notices ──take_durable──▶ one transaction ──committed──▶
///                 effects          ────────────────▶ wait for it     ──leave──────▶ done
/// ```
///
/// What is put while the transaction is under way waits for the next one, if anything of it must be made durable.
///
/// `E` is the shell's kind of effect: outputs, and what it wants done beside them.
#[derive(Debug)]
pub struct Tray<E> {
    durable: Durable,
    /// Something of the shell's own must be durable before anything leaves.
    held: bool,
    effects: Vec<E>,
    /// Effects of what was taken to be made durable, and whether that is under way.
    waiting: Vec<E>,
    under_way: bool,
}

/// What goes into one transaction.
#[derive(Debug, Clone, Default)]
pub struct Durable {
    /// Entries, each series in its own order.
    pub entries: Vec<Entry>,
    /// Notices that the entries cause.
    pub notices: Vec<Notice>,
}

impl<E> Default for Tray<E> {
    fn default() -> Self {
        let (effects, waiting) = (Vec::new(), Vec::new());
        Self { durable: Durable::default(), held: false, effects, waiting, under_way: false }
    }
}

impl<E: From<Output>> Tray<E> {
    /// Takes an output of the node's.
    pub fn put(&mut self, output: Output) {
        match output {
            Output::Append(entry) => self.durable.entries.push(entry),
            Output::Notify(notice) => self.durable.notices.push(notice),
            Output::Reply { .. }
            | Output::ToDevice { .. }
            | Output::Renew { .. }
            | Output::Relay { .. }
            | Output::CallNeighbour { .. }
            | Output::Changed(_) => self.effects.push(output.into()),
        }
    }

    /// Takes an effect of the shell's own, which may have seen what is not durable yet.
    pub fn put_effect(&mut self, effect: E) {
        self.effects.push(effect);
    }

    /// Something of the shell's own must be durable before anything leaves.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// True if something is to be made durable.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held || !self.durable.entries.is_empty() || !self.durable.notices.is_empty()
    }

    /// What is to be made durable now, in one transaction. Nothing leaves until the shell says [`Self::committed`].
    pub fn take_durable(&mut self) -> Durable {
        self.held = false;
        self.under_way = true;
        self.waiting.append(&mut self.effects);
        std::mem::take(&mut self.durable)
    }

    /// What was taken is durable.
    pub fn committed(&mut self) {
        self.under_way = false;
    }

    /// What is to be made durable, to be looked at before the disk has it.
    #[must_use]
    pub fn durable(&self) -> &Durable {
        &self.durable
    }

    /// The planted bug: texts leave while what they say is not durable yet.
    #[cfg(feature = "planted")]
    pub fn leak_notices(&mut self) -> Vec<Notice> {
        planted!("volatile-reservation", Vec::new(), std::mem::take(&mut self.durable.notices))
    }

    /// The effects that may leave: none while a transaction is under way; then those that waited for it, and the later ones
    /// unless something is to be made durable before them.
    pub fn leave(&mut self) -> Vec<E> {
        if planted!("ack-before-fsync", self.under_way, false) {
            return Vec::new();
        }
        let mut leaving = std::mem::take(&mut self.waiting);
        let waits = planted!("ack-before-fsync", self.is_held(), false);
        if !waits {
            leaving.append(&mut self.effects);
        }
        leaving
    }
}

/// The number of a node's next life: above every life that its store (`stored`) or its journal (`known`) has seen.
///
/// It follows the clock on the wall (`by_clock`) because a store that was restored from a copy has seen neither: two
/// lives of one number would write two histories under one name.
#[must_use]
pub fn next_life(by_clock: u32, stored: u32, known: u32) -> u32 {
    let next = stored.max(known).saturating_add(1);
    planted!("life-reused-after-restore", by_clock.max(next), next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::Change;

    fn changed() -> Output {
        Output::Changed(Change::Mode("gangnam".parse().unwrap()))
    }

    #[test]
    fn effects_wait_for_whatever_must_be_durable_first() {
        let mut tray = Tray::<Output>::default();
        tray.put(changed());
        assert_eq!(tray.leave().len(), 1);
        tray.hold();
        tray.put(changed());
        assert!(tray.is_held() && tray.leave().is_empty());
        assert!(tray.take_durable().entries.is_empty());
        assert!(tray.leave().is_empty(), "it is under way");
        tray.committed();
        assert_eq!((tray.is_held(), tray.leave().len(), tray.leave().len()), (false, 1, 0));
    }

    #[test]
    fn what_comes_while_a_transaction_is_under_way_waits_for_the_next_one() {
        let mut tray = Tray::<Output>::default();
        tray.hold();
        tray.put(changed());
        tray.take_durable();
        tray.hold();
        tray.put(changed());
        tray.committed();
        assert_eq!(tray.leave().len(), 1, "the first one is durable, the second is not");
        assert!(tray.leave().is_empty());
        tray.take_durable();
        tray.put(changed());
        tray.committed();
        assert_eq!(tray.leave().len(), 2, "of the last one nothing must be durable");
    }

    #[test]
    fn a_life_is_above_all_that_are_known_and_follows_the_clock() {
        assert_eq!(next_life(0, 3, 5), 6);
        assert_eq!(next_life(900, 3, 5), 900);
        assert_eq!(next_life(900, u32::MAX, 5), u32::MAX);
    }
}
