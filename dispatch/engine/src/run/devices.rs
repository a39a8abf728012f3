//! Which devices are connected here, and the bounded queue to each.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ondol_core::command::ToDevice;
use ondol_core::ids::DeviceId;
use tokio::sync::mpsc;

/// Messages that wait for one device; more are dropped, because the next beat's answer repeats what is open.
pub const DEVICE_QUEUE_MAX: usize = 64;

/// Queues to connected devices.
#[derive(Default)]
pub(super) struct Devices {
    queues: Mutex<Queues>,
}

#[derive(Default)]
struct Queues {
    of: HashMap<DeviceId, mpsc::Sender<ToDevice>>,
    /// Size at which closed queues are looked for again.
    sweep_at: usize,
}

impl Devices {
    /// Opens a queue to `device`; an older connection's queue ends.
    pub(super) fn register(&self, device: DeviceId) -> mpsc::Receiver<ToDevice> {
        let (sender, receiver) = mpsc::channel(DEVICE_QUEUE_MAX);
        let mut queues = self.queues();
        if queues.of.len() >= queues.sweep_at {
            queues.of.retain(|_, queue| !queue.is_closed());
            queues.sweep_at = 2 * queues.of.len() + 64;
        }
        queues.of.insert(device, sender);
        receiver
    }

    /// Queues `message`, if the device is connected and keeps up.
    pub(super) fn send(&self, device: DeviceId, message: ToDevice) {
        let mut queues = self.queues();
        let Some(queue) = queues.of.get(&device) else { return };
        match queue.try_send(message) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                metrics::counter!("ondol_device_messages_dropped_total").increment(1);
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {
                queues.of.remove(&device);
            }
        }
    }

    /// How many devices are connected.
    pub(super) fn connected(&self) -> usize {
        self.queues().of.values().filter(|queue| !queue.is_closed()).count()
    }

    /// A panic elsewhere cannot leave the map half changed: every change is one call.
    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confirm(counter: u64) -> ToDevice {
        let device = DeviceId::from_number(1);
        ToDevice::Confirm { assignment: ondol_core::ids::AssignmentId::of_device(device, counter) }
    }

    #[tokio::test]
    async fn a_newer_connection_replaces_the_older() {
        let (devices, device) = (Devices::default(), DeviceId::from_number(1));
        devices.send(device, confirm(0));
        let mut older = devices.register(device);
        let mut newer = devices.register(device);
        devices.send(device, confirm(1));
        assert_eq!(older.recv().await, None);
        assert_eq!(newer.recv().await, Some(confirm(1)));
        drop(newer);
        assert_eq!(devices.connected(), 0);
        devices.send(device, confirm(2));
    }

    #[tokio::test]
    async fn a_device_that_does_not_read_holds_a_bounded_queue() {
        let (devices, device) = (Devices::default(), DeviceId::from_number(1));
        let mut queue = devices.register(device);
        for counter in 0..1_000 {
            devices.send(device, confirm(counter));
        }
        drop(devices);
        let mut received = 0;
        while queue.recv().await.is_some() {
            received += 1;
        }
        assert_eq!(received, DEVICE_QUEUE_MAX);
    }
}
