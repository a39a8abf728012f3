//! A carrier in memory, for tests: it can be told to fail, and to forget that it took a text.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use uuid::Uuid;

use super::{Carrier, Handle, Health, Inbound, Outbound, Outcome, Receipt, Trace};
use crate::clock::UtcMs;

/// A carrier in memory. Clones are the same carrier.
#[derive(Debug, Clone, Default)]
pub struct MemoryCarrier(Arc<Mutex<Air>>);

#[derive(Debug, Default)]
struct Air {
    count: u64,
    inbox: BTreeMap<String, Inbound>,
    sent: Vec<Outbound>,
    receipts: Vec<Receipt>,
    down: bool,
}

impl MemoryCarrier {
    /// Lets a text arrive.
    pub fn deliver(&self, from: &str, body: &str, sent_at: UtcMs) {
        let mut air = self.air();
        air.count += 1;
        let name = format!("{:08}", air.count);
        let handle = Handle(vec![name.clone()]);
        let inbound = Inbound { from: from.to_owned(), sent_at, body: body.to_owned(), handle };
        air.inbox.insert(name, inbound);
    }

    /// Returns what was sent, and to whom, in order.
    #[must_use]
    pub fn sent(&self) -> Vec<(String, String)> {
        self.air().sent.iter().map(|outbound| (outbound.to.clone(), outbound.text.clone())).collect()
    }

    /// Returns how many texts are not settled.
    #[must_use]
    pub fn unsettled(&self) -> usize {
        self.air().inbox.len()
    }

    /// Takes the carrier down or up.
    pub fn set_down(&self, down: crate::node::Link) {
        self.air().down = down == crate::node::Link::Cut;
    }

    fn air(&self) -> MutexGuard<'_, Air> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl Carrier for MemoryCarrier {
    fn receive(&mut self, _now: UtcMs, most: usize) -> io::Result<Vec<Inbound>> {
        Ok(self.air().inbox.values().take(most).cloned().collect())
    }

    fn submit(&mut self, outbound: &Outbound) -> io::Result<()> {
        let mut air = self.air();
        if air.down {
            return Err(io::Error::other("the modem is off"));
        }
        air.sent.push(outbound.clone());
        let handle = Handle(vec![outbound.id.to_string()]);
        air.receipts.push(Receipt { id: outbound.id, outcome: Outcome::Sent, handle });
        Ok(())
    }

    fn trace(&mut self, _id: Uuid) -> io::Result<Trace> {
        Ok(Trace::Unknown)
    }

    fn receipts(&mut self, most: usize) -> io::Result<Vec<Receipt>> {
        Ok(self.air().receipts.iter().take(most).cloned().collect())
    }

    fn settle(&mut self, handle: &Handle) -> io::Result<()> {
        let mut air = self.air();
        air.inbox.retain(|name, _| !handle.0.contains(name));
        air.receipts.retain(|receipt| receipt.handle != *handle);
        Ok(())
    }

    fn health(&mut self) -> Health {
        let trouble = self.air().down.then(|| "the modem is off".to_owned());
        Health { trouble, ..Health::default() }
    }
}
