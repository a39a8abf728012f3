//! Sessions that were looked at a moment ago, so that not every request is one more question to the store or one more check of a
//! signature: a phone that beats over HTTP shows the same token thousands of times.
//!
//! ```text
//! operators   who it is stands in the store          asked again after ten seconds
//! drivers     who it is stands in the signed token   kept until it expires; revocations are looked up with each request
//! ```
//!
//! The process that serves is the only one that ends operators' sessions and closes accounts: whoever ends one forgets all of them
//! here once the store has it, before that is answered, and what a look-up read from before the end is not kept. What changes in the
//! store otherwise, or for somebody who hung up before the answer, is seen after those ten seconds.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ondol_core::units::{Now, Ticks, UtcMs};

/// How many ends were made when somebody began to look a session up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EndsSeen(u64);

/// Sessions by the hash of their token. The lock is never held while the store is asked.
#[derive(Debug)]
pub(super) struct Sessions<S> {
    keep_ms: u64,
    most: usize,
    kept: Mutex<Kept<S>>,
}

#[derive(Debug)]
struct Kept<S> {
    ends: u64,
    by_token_hash: HashMap<String, Session<S>>,
}

#[derive(Debug)]
struct Session<S> {
    whose: S,
    expires_at: UtcMs,
    since: Ticks,
}

impl<S: Clone> Sessions<S> {
    /// Keeps each session for `keep_ms` at most, and `most` at a time: one more, and all are looked up again.
    pub(super) fn new(keep_ms: u64, most: usize) -> Self {
        let kept = Mutex::new(Kept { ends: 0, by_token_hash: HashMap::new() });
        Self { keep_ms, most, kept }
    }

    /// Whose session that is, if it was looked up lately and has not ended; else what [`Self::keep`] wants to know.
    pub(super) fn find(&self, token_hash: &str, now: Now) -> Result<S, EndsSeen> {
        let kept = self.lock();
        let found = kept.by_token_hash.get(token_hash).filter(|session| {
            session.expires_at > now.utc && now.ticks.since_ms(session.since) < self.keep_ms
        });
        found.map(|session| session.whose.clone()).ok_or(EndsSeen(kept.ends))
    }

    /// Keeps a session that was looked up, unless any has ended since the look-up began: this one may be among them.
    pub(super) fn keep(&self, token_hash: String, whose: S, expires_at: UtcMs, seen: EndsSeen, now: Now) {
        let mut kept = self.lock();
        if EndsSeen(kept.ends) != seen {
            return;
        }
        if kept.by_token_hash.len() >= self.most {
            kept.by_token_hash.clear();
        }
        kept.by_token_hash.insert(token_hash, Session { whose, expires_at, since: now.ticks });
    }

    /// Sessions have ended, and the store has it: each is looked up again.
    pub(super) fn forget(&self) {
        let mut kept = self.lock();
        kept.ends += 1;
        kept.by_token_hash.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Kept<S>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPIRES_AT: UtcMs = UtcMs(100_000);

    fn at(ms: u64) -> Now {
        Now { utc: UtcMs(i64::try_from(ms).unwrap()), ticks: Ticks(ms) }
    }

    fn look_up(sessions: &Sessions<u8>, token_hash: &str, now: Now) {
        let seen = sessions.find(token_hash, now).unwrap_err();
        sessions.keep(token_hash.into(), 7, EXPIRES_AT, seen, now);
    }

    #[test]
    fn a_look_up_that_began_before_an_end_is_not_kept() {
        let sessions = Sessions::new(1_000, 10);
        let seen = sessions.find("one", at(0)).unwrap_err();
        sessions.forget();
        sessions.keep("one".into(), 7, EXPIRES_AT, seen, at(1));
        look_up(&sessions, "one", at(2));
        assert_eq!(sessions.find("one", at(3)), Ok(7));
        assert!(sessions.find("two", at(3)).is_err());
        sessions.forget();
        assert!(sessions.find("one", at(4)).is_err());
    }

    #[test]
    fn it_is_looked_up_again_in_time_and_not_found_when_it_has_expired() {
        let sessions = Sessions::new(10_000, 10);
        look_up(&sessions, "one", at(0));
        assert_eq!(sessions.find("one", at(9_999)), Ok(7));
        look_up(&sessions, "one", at(10_000));
        look_up(&sessions, "two", at(95_000));
        assert_eq!(sessions.find("two", at(99_999)), Ok(7));
        assert!(sessions.find("two", at(100_000)).is_err());
    }

    #[test]
    fn no_more_are_kept_than_fit() {
        let sessions = Sessions::new(1_000, 3);
        for name in ["one", "two", "three"] {
            look_up(&sessions, name, at(0));
        }
        assert_eq!(sessions.find("one", at(1)), Ok(7));
        look_up(&sessions, "four", at(1));
        assert_eq!((sessions.find("four", at(1)), sessions.lock().by_token_hash.len()), (Ok(7), 1));
    }
}
