//! Places at which a bug can be planted, so that the fault simulator can be shown to see it.
//!
//! ```text
//! planted!("skip-device-slot", SOUND, BROKEN)     without the feature `planted`: SOUND, and nothing else
//!                                                 with it: BROKEN while the bug of that name is planted, else SOUND
//! ```
//!
//! The feature is for the simulator's mutants alone (`cargo xtask mutants`). No package has it by default, and `ondol`
//! does not compile with it. With it each place leaves its marker in the executable, so that an executable can be
//! searched for markers; a bug is switched on for one thread and by nothing from outside the process.

/// True in a build in which bugs can be planted: never in one that serves anybody.
pub const IS_POSSIBLE: bool = cfg!(feature = "planted");

/// The sound expression, unless the bug of this name is planted: see [`crate::planted`].
#[cfg(not(feature = "planted"))]
#[macro_export]
macro_rules! planted {
    ($name:literal, $sound:expr, $broken:expr) => {
        $sound
    };
}

/// The sound expression, unless the bug of this name is planted: see [`crate::planted`].
#[cfg(feature = "planted")]
#[macro_export]
macro_rules! planted {
    ($name:literal, $sound:expr, $broken:expr) => {
        if $crate::planted::is_planted(concat!("planted-bug:", $name, ";")) { $broken } else { $sound }
    };
}

#[cfg(feature = "planted")]
pub use with_feature::{PlantedBug, first_time, is_planted, next_number, plant};

#[cfg(feature = "planted")]
mod with_feature {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeSet;

    thread_local! {
        static NAME: Cell<Option<&'static str>> = const { Cell::new(None) };
        static NUMBER: Cell<i64> = const { Cell::new(0) };
        static SEEN: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
    }

    /// A bug is planted on this thread until this is dropped.
    #[derive(Debug)]
    pub struct PlantedBug(());

    /// Plants the bug of this name on this thread, in place of any other.
    #[must_use]
    pub fn plant(name: &'static str) -> PlantedBug {
        NAME.set(Some(name));
        NUMBER.set(0);
        SEEN.take();
        PlantedBug(())
    }

    impl Drop for PlantedBug {
        fn drop(&mut self) {
            NAME.set(None);
            SEEN.take();
        }
    }

    /// True if the bug with this marker is planted on this thread. Not inlined, so that the whole marker stays in the
    /// executable.
    #[must_use]
    #[inline(never)]
    pub fn is_planted(marker: &'static str) -> bool {
        let Some(name) = NAME.get() else { return false };
        marker.strip_prefix("planted-bug:").and_then(|rest| rest.strip_suffix(';')) == Some(name)
    }

    /// Another number each time, where a planted bug needs one.
    #[must_use]
    pub fn next_number() -> i64 {
        NUMBER.set(NUMBER.get() + 1);
        NUMBER.get()
    }

    /// The memory that a planted bug has where sound code needs none: true for the first time that it asks for `key`.
    #[must_use]
    pub fn first_time(key: String) -> bool {
        SEEN.with_borrow_mut(|seen| seen.insert(key))
    }
}

#[cfg(all(test, not(feature = "planted")))]
mod tests {
    #[test]
    fn without_the_feature_a_place_is_its_sound_expression() {
        // What does not exist without the feature may stand in the other one: it is not even compiled.
        let sound = crate::planted!("a-test", 1, crate::planted::no_such_thing());
        assert_eq!(sound, 1);
    }
}

#[cfg(all(test, feature = "planted"))]
mod tests {
    use super::plant;

    fn place() -> bool {
        crate::planted!("a-test", true, false)
    }

    #[test]
    fn a_bug_is_there_for_its_name_on_its_thread_and_for_its_time() {
        assert!(place());
        let other = plant("another-test");
        assert!(place());
        drop(other);
        let bug = plant("a-test");
        assert!(!place());
        assert!(std::thread::scope(|scope| scope.spawn(place).join()).unwrap());
        drop(bug);
        assert!(place());
    }
}
