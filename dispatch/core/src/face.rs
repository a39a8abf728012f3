//! The face of the core: what goes in, what comes out.
//!
//! ```text
//!            Input, Now                 Append, Notify ──▶ commit
//!   shell ───────────────▶ Node ─poll─▶                       │
//!            handle_timeout             Reply, ToDevice, ToPeer, Changed ◀─ only after it
//! ```
//!
//! The shell drains [`crate::node::Node::poll_output`], makes every [`Output::Append`] and [`Output::Notify`]
//! durable in one transaction, tells the node [`Input::Committed`], and only then carries out the rest.

use std::collections::BTreeMap;

use crate::authority::LeaseTiming;
use crate::command::{Answer, Command, LoanCall, Notice, Refusal, Relay, Renewal, ToDevice};
use crate::ids::{BookingId, DeviceId, DistrictId, NodeId, ShiftId, ZoneId};
use crate::journal::{Entry, Heads, Series};
use crate::node::Poison;
use crate::pin::PinKey;
use crate::position::Position;
use crate::units::Ticks;

/// Who a node is.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// Its name.
    pub id: NodeId,
    /// What it is.
    pub role: Role,
    /// Which life this is; higher than every one before. The shell makes it durable before the start.
    pub incarnation: u32,
    /// The districts it serves: all at central, one at an edge.
    pub districts: BTreeMap<DistrictId, DistrictConfig>,
    /// The secret for PINs, the same at central and its edges.
    pub pin_key: PinKey,
    /// At an edge: the edges to which it may lend bookings, and from which it borrows.
    pub neighbours: Vec<Neighbour>,
    /// Timers; every one in milliseconds of the node's own clocks.
    pub timing: Timing,
}

/// An edge with which an edge lends and borrows while central is away.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour {
    /// Its name.
    pub node: NodeId,
    /// Its district.
    pub district: DistrictId,
    /// Places on its border: a booking goes to the neighbour whose border its pickup is nearest to by road. Without
    /// any it is asked after all others.
    pub border: Vec<Position>,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Holds every district that no edge has taken. Without edges it is a complete stand-alone dispatcher.
    Central,
    /// Stands by in one district and takes it when central is gone.
    Edge {
        /// Central's name.
        central: NodeId,
    },
}

/// A district as configured.
#[derive(Debug, Clone)]
pub struct DistrictConfig {
    /// Its zones.
    pub zones: Vec<ZoneId>,
    /// Its edge, if it has one.
    pub edge: Option<NodeId>,
}

/// Every timer of dispatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timing {
    /// The lease's timers.
    pub lease: LeaseTiming,
    /// Life of a question to a driver with the app.
    pub offer_ttl_ms: u64,
    /// Life of a question to a feature-phone driver.
    pub text_offer_ttl_ms: u64,
    /// After this, the booking may be offered to another shift although the first has not answered.
    pub reoffer_ms: u64,
    /// Shortest time between two plans.
    pub plan_every_ms: u64,
    /// A shift heard less recently gets no offers.
    pub offer_contact_ms: u64,
    /// An assigned driver unheard for this long loses the booking, never after boarding.
    pub reassign_ms: u64,
    /// Longest drive to a pickup that is asked of a driver, in seconds.
    pub reach_s: u32,
    /// A shift that let a question lapse is not asked again for the same booking within this time.
    pub lapse_rest_ms: u64,
    /// A booking handed to a home edge comes back if nobody has accepted within this time.
    pub hand_back_ms: u64,
    /// The rider of a frozen booking is asked again after this time.
    pub ask_again_ms: u64,
    /// A booking that was older than this when the node started is planned once its rider still wants it.
    pub aged_ms: u64,
    /// Nobody could be found: the booking ends after this time.
    pub give_up_ms: u64,
    /// Bans older than this admit no new driver.
    pub bans_fresh_ms: u64,
    /// A scheduled booking is planned this long before its time.
    pub schedule_lead_ms: u64,
    /// An edge that is cut off lends a booking for which it has found nobody within this time to a neighbour; 0 means
    /// never.
    pub lend_after_ms: u64,
    /// A borrowed booking for which nobody is found within this time goes back.
    pub lend_back_after_ms: u64,
    /// A free driver who has been in another district for so long, with whose edge nothing can be lent, is asked home
    /// by an edge that is cut off; 0 means never.
    pub ask_home_after_ms: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: LeaseTiming::default(),
            offer_ttl_ms: 20_000,
            text_offer_ttl_ms: 75_000,
            reoffer_ms: 30_000,
            plan_every_ms: 1_000,
            offer_contact_ms: 20_000,
            reassign_ms: 120_000,
            reach_s: 1_200,
            lapse_rest_ms: 60_000,
            hand_back_ms: 120_000,
            ask_again_ms: 120_000,
            aged_ms: 900_000,
            give_up_ms: 1_800_000,
            bans_fresh_ms: 3_600_000,
            schedule_lead_ms: 600_000,
            lend_after_ms: 60_000,
            lend_back_after_ms: 120_000,
            ask_home_after_ms: 60_000,
        }
    }
}

/// Names a request until it is answered; the shell's own count.
pub type RequestId = u64;

/// What goes in.
#[derive(Debug, Clone)]
pub enum Input {
    /// A wish, to be answered by [`Output::Reply`].
    Command {
        /// Names the request.
        request: RequestId,
        /// The wish.
        command: Box<Command>,
    },
    /// Entries that a peer holds and this node lacked when it asked.
    Page {
        /// The peer.
        from: NodeId,
        /// Entries, each series in its own order.
        entries: Vec<Entry>,
        /// Everything the peer holds.
        heads: Heads,
        /// When it was asked: what it tells is no older, however long the page has waited to be taken in.
        asked_at: Ticks,
    },
    /// The shell has left something of a page out: its series does not go on.
    LeftOut {
        /// The series.
        series: Series,
        /// Why.
        why: Poison,
    },
    /// What the shell began to write last is durable, which what was appended since may not be; also said at least every
    /// 2 s while there is nothing to append, after the shell has proved that it can still write.
    Committed,
}

/// What comes out.
#[derive(Debug, Clone)]
pub enum Output {
    /// Make this entry durable.
    Append(Entry),
    /// Make this notice durable, in the same transaction as the entries around it.
    Notify(Notice),
    /// Then answer the request.
    Reply {
        /// The request.
        request: RequestId,
        /// The answer, or why not.
        result: Box<Result<Answer, Refusal>>,
    },
    /// Then send this to the device, if it is connected; the next beat's answer repeats what is still open.
    ToDevice {
        /// The device.
        device: DeviceId,
        /// The message.
        message: ToDevice,
    },
    /// Then send this to the edge of a district.
    Renew {
        /// The edge.
        to: NodeId,
        /// The renewal.
        renewal: Renewal,
    },
    /// Then tell this to central.
    Relay {
        /// Central.
        to: NodeId,
        /// Whom this edge hears.
        relay: Relay,
    },
    /// Then say this to another edge, and hand its answer in as [`Command::Lent`].
    CallNeighbour {
        /// The edge.
        to: NodeId,
        /// What is said.
        call: LoanCall,
    },
    /// Then tell whoever watches.
    Changed(Change),
}

/// Something a screen may show has changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// A booking.
    Booking(DistrictId, BookingId),
    /// A shift.
    Shift(DistrictId, ShiftId),
    /// Who dispatches a district.
    Mode(DistrictId),
}
