//! Whom nodes let begin a shift: the checker `bans`.

use ondol_core::board::DistrictBoard;
use ondol_core::fact::ShiftStart;
use ondol_core::node::Node;
use ondol_core::shift::Serialiser;

use super::Checkers;

impl Checkers {
    /// An edge that has not been level with central for long admits nobody, because its bans may be old, unless an
    /// operator answers for it. Whom it knows to be barred nobody can let in.
    pub(super) fn admitted(&mut self, node: &Node, board: &DistrictBoard, start: &ShiftStart) {
        if board.drivers.get(&start.driver).is_some_and(|(_, driver)| driver.banned) {
            let what = format!("{} admits {}, whom it knows to be barred", node.config().id, start.driver);
            self.break_promise("bans", what);
        }
        let by_device = matches!(start.serialiser, Serialiser::Device { .. });
        // The node's elapsed clock may run a little slow, and a page takes its time.
        let too_old_ms = node.config().timing.bans_fresh_ms * 103 / 100 + 1_000;
        let is_let_in = board.bans_waived.is_some_and(|(_, until)| until.0 > self.civil_ms);
        if by_device && !is_let_in && self.out_of_touch_ms > too_old_ms {
            let what = format!(
                "{} admits {} by bans of {} ms",
                node.config().id,
                start.driver,
                self.out_of_touch_ms
            );
            self.break_promise("bans", what);
        }
    }
}
