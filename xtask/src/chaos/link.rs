//! A TCP link between two processes that can be cut, slowed or refused while both live.
//!
//! What is held back is not lost: a process that waits out a cut gets the bytes in order, as TCP would bring them.
//!
//! Threads instead of an async runtime keep this crate light; a connection costs two with small stacks.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::thread::Builder;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How often a quiet connection looks at the weather, and one that is held back.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const HELD_LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long the other end may take to accept.
const CONNECT: Duration = Duration::from_secs(5);
/// Most connections at once; more are refused, as by a full backlog.
const CONNECTIONS_MAX: usize = 2_000;
const STACK: usize = 128 << 10;
const BUFFER: usize = 16 << 10;

/// What is wrong with a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing passes from the caller to the called; answers do.
    HoldThere,
    /// Requests pass, and no answer comes back.
    HoldBack,
    /// Connections open, and nothing passes.
    HoldBoth,
    /// Connections are refused, and those that are open are broken.
    Refuse,
    /// Each piece is late by this much, in milliseconds of the wall.
    Late(u32),
}

const THERE: u8 = 1;
const BACK: u8 = 2;
const REFUSED: u8 = 4;

/// What the connections of a link look at.
#[derive(Debug, Default)]
struct Weather {
    held: AtomicU8,
    late_ms: AtomicU32,
    is_closed: AtomicBool,
    open: AtomicUsize,
}

impl Weather {
    fn is(&self, bit: u8) -> bool {
        self.held.load(Ordering::Relaxed) & bit != 0
    }

    fn is_broken(&self) -> bool {
        self.is(REFUSED) || self.is_closed.load(Ordering::Relaxed)
    }
}

/// A way to a port of this machine. Dropping it closes it and its connections.
#[derive(Debug)]
pub(crate) struct Link {
    port: u16,
    weather: Arc<Weather>,
}

impl Link {
    /// Opens a way to `target` on a free port.
    ///
    /// # Errors
    ///
    /// If the machine has no free port or no thread.
    pub(crate) fn open(target: u16) -> Result<Link> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
        let port = listener.local_addr()?.port();
        let weather = Arc::new(Weather::default());
        let of_thread = Arc::clone(&weather);
        let accept = move || accept(&listener, SocketAddr::from((Ipv4Addr::LOCALHOST, target)), &of_thread);
        Builder::new().stack_size(STACK).spawn(accept).context("no thread for a link")?;
        Ok(Link { port, weather })
    }

    /// Returns the port to call instead of the target's.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Puts `fault` on the link, beside those that are on it.
    pub(crate) fn put(&self, fault: Fault) {
        match fault {
            Fault::HoldThere => self.hold(THERE),
            Fault::HoldBack => self.hold(BACK),
            Fault::HoldBoth => self.hold(THERE | BACK),
            Fault::Refuse => self.hold(REFUSED),
            Fault::Late(ms) => self.weather.late_ms.store(ms, Ordering::Relaxed),
        }
    }

    /// Takes every fault off the link.
    pub(crate) fn clear(&self) {
        self.weather.held.store(0, Ordering::Relaxed);
        self.weather.late_ms.store(0, Ordering::Relaxed);
    }

    fn hold(&self, bits: u8) {
        self.weather.held.fetch_or(bits, Ordering::Relaxed);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.weather.is_closed.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts; if that fails it is gone already.
        let _woken = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn accept(listener: &TcpListener, target: SocketAddr, weather: &Arc<Weather>) {
    for caller in listener.incoming() {
        if weather.is_closed.load(Ordering::Relaxed) {
            return;
        }
        let Ok(caller) = caller else { continue };
        if weather.is(REFUSED) || weather.open.load(Ordering::Relaxed) >= CONNECTIONS_MAX {
            continue;
        }
        let of_thread = Arc::clone(weather);
        weather.open.fetch_add(1, Ordering::Relaxed);
        let spawned = Builder::new().stack_size(STACK).spawn(move || {
            // A connection that breaks is no news here: both ends notice it.
            let _broken = carry(&caller, target, &of_thread);
            of_thread.open.fetch_sub(1, Ordering::Relaxed);
        });
        if spawned.is_err() {
            weather.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Carries one connection until both its directions have ended.
fn carry(caller: &TcpStream, target: SocketAddr, weather: &Arc<Weather>) -> std::io::Result<()> {
    let called = TcpStream::connect_timeout(&target, CONNECT)?;
    caller.set_nodelay(true)?;
    called.set_nodelay(true)?;
    let (from, to, of_thread) = (called.try_clone()?, caller.try_clone()?, Arc::clone(weather));
    let back = Builder::new().stack_size(STACK).spawn(move || pump(&from, &to, BACK, &of_thread))?;
    pump(caller, &called, THERE, weather);
    // A panic of the other direction is a bug and was printed by the runtime.
    let _ended = back.join();
    Ok(())
}

/// Moves bytes one way; when that ends, the other end is told.
fn pump(mut from: &TcpStream, mut to: &TcpStream, direction: u8, weather: &Weather) {
    let mut buffer = [0_u8; BUFFER];
    loop {
        if weather.is_broken() {
            break;
        }
        if weather.is(direction) {
            if waits_for(&[from, to], PollFlags::RDHUP, HELD_LOOK_EVERY) {
                break;
            }
            continue;
        }
        if !waits_for(&[from], PollFlags::IN | PollFlags::RDHUP, LOOK_EVERY) || weather.is(direction) {
            continue;
        }
        let late_ms = weather.late_ms.load(Ordering::Relaxed);
        match from.read(&mut buffer) {
            Ok(0) | Err(_) => {
                let _gone = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(count) => {
                std::thread::sleep(Duration::from_millis(u64::from(late_ms)));
                if to.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
        }
    }
    for end in [from, to] {
        let _gone = end.shutdown(Shutdown::Both);
    }
}

/// Tells whether one of `ends` shows one of `flags`, or broke, within `limit`.
fn waits_for(ends: &[&TcpStream], flags: PollFlags, limit: Duration) -> bool {
    let mut fds: Vec<PollFd<'_>> =
        ends.iter().map(|end| PollFd::from_borrowed_fd(end.as_fd(), flags)).collect();
    let limit = Timespec::try_from(limit).expect("a limit of milliseconds fits");
    poll(&mut fds, Some(&limit)).is_ok_and(|ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that have come from `stream` until it is quiet for a moment or has ended.
    fn heard(stream: &mut TcpStream) -> Option<u8> {
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => Some(byte[0]),
            Ok(_) | Err(_) => None,
        }
    }

    fn pair(link: &Link, listener: &TcpListener) -> (TcpStream, TcpStream) {
        let caller = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port())).unwrap();
        (caller, listener.accept().unwrap().0)
    }

    #[test]
    fn a_cut_holds_one_direction_and_loses_nothing() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let link = Link::open(listener.local_addr().unwrap().port()).unwrap();
        let (mut caller, mut called) = pair(&link, &listener);
        caller.write_all(b"a").unwrap();
        assert_eq!(heard(&mut called), Some(b'a'));
        link.put(Fault::HoldBack);
        called.write_all(b"b").unwrap();
        caller.write_all(b"c").unwrap();
        assert_eq!(heard(&mut called), Some(b'c'), "the other direction is open");
        assert_eq!(heard(&mut caller), None, "held back");
        link.clear();
        assert_eq!(heard(&mut caller), Some(b'b'), "and not lost");
        link.put(Fault::HoldThere);
        caller.write_all(b"d").unwrap();
        called.write_all(b"e").unwrap();
        assert_eq!((heard(&mut called), heard(&mut caller)), (None, Some(b'e')));
    }

    #[test]
    fn a_refused_link_breaks_what_is_open_and_opens_nothing() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let link = Link::open(listener.local_addr().unwrap().port()).unwrap();
        let (mut caller, _called) = pair(&link, &listener);
        link.put(Fault::Refuse);
        caller.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        assert_eq!(caller.read(&mut [0]).unwrap_or(0), 0, "broken");
        let mut other = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port())).unwrap();
        other.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        assert_eq!(other.read(&mut [0]).unwrap_or(0), 0, "refused");
        link.clear();
        let (mut caller, mut called) = pair(&link, &listener);
        caller.write_all(b"f").unwrap();
        assert_eq!(heard(&mut called), Some(b'f'));
    }

    #[test]
    fn whoever_hangs_up_during_a_cut_is_not_waited_for() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let link = Link::open(listener.local_addr().unwrap().port()).unwrap();
        let (caller, mut called) = pair(&link, &listener);
        link.put(Fault::HoldBoth);
        drop(caller);
        called.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        assert_eq!(called.read(&mut [0]).unwrap_or(0), 0, "the called end is told");
    }
}
