//! Messages between two devices that are pairing: one each, for five minutes, handed out once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cairn_wire::MailboxId;
use cairn_wire::frame::RelayFrame;

use crate::hub::Outgoing;

const LIFE: Duration = Duration::from_secs(5 * 60);
/// Mailboxes in all: strangers may use them, so their number is bounded.
const MOST: usize = 10_000;

enum Box {
    Full { sealed: Vec<u8>, until: Instant },
    Watched { outgoing: Outgoing, until: Instant },
}

/// The mailboxes in use.
#[derive(Default)]
pub struct Mailboxes {
    boxes: Mutex<HashMap<MailboxId, Box>>,
}

impl Mailboxes {
    /// Leaves a message. False when the mailbox already has one, or there are too many.
    pub fn put(&self, mailbox: MailboxId, sealed: Vec<u8>) -> bool {
        let mut boxes = self.lock();
        match boxes.get(&mailbox) {
            Some(Box::Full { .. }) => false,
            Some(Box::Watched { .. }) => {
                if let Some(Box::Watched { outgoing, .. }) = boxes.remove(&mailbox) {
                    if deliver(&outgoing, mailbox, sealed.clone()) {
                        return true;
                    }
                }
                boxes.insert(mailbox, Box::Full { sealed, until: Instant::now() + LIFE });
                true
            }
            None if boxes.len() >= MOST => false,
            None => {
                boxes.insert(mailbox, Box::Full { sealed, until: Instant::now() + LIFE });
                true
            }
        }
    }

    /// Waits for a message. False when there are too many mailboxes.
    pub fn watch(&self, mailbox: MailboxId, outgoing: Outgoing) -> bool {
        let mut boxes = self.lock();
        if let Some(Box::Full { sealed, .. }) = boxes.get(&mailbox) {
            let sealed = sealed.clone();
            boxes.remove(&mailbox);
            return deliver(&outgoing, mailbox, sealed);
        }
        let known = boxes.contains_key(&mailbox);
        if !known && boxes.len() >= MOST {
            return false;
        }
        boxes.insert(mailbox, Box::Watched { outgoing, until: Instant::now() + LIFE });
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MailboxId, Box>> {
        let mut boxes = self.boxes.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        boxes.retain(|_, each| match each {
            Box::Full { until, .. } | Box::Watched { until, .. } => *until > now,
        });
        boxes
    }
}

fn deliver(outgoing: &Outgoing, mailbox: MailboxId, sealed: Vec<u8>) -> bool {
    outgoing.try_send(Bytes::from(RelayFrame::Mail { mailbox, sealed }.encode())).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    #[test]
    fn a_message_is_handed_out_once_whoever_comes_first() {
        let (boxes, id) = (Mailboxes::default(), MailboxId([1; 16]));
        let (out, mut inbox) = mpsc::channel(4);
        assert!(boxes.put(id, vec![1]));
        assert!(!boxes.put(id, vec![2]), "one message, and the first one stays");
        assert!(boxes.watch(id, out.clone()));
        assert!(inbox.try_recv().is_ok());
        assert!(boxes.watch(id, out));
        assert!(inbox.try_recv().is_err());
        assert!(boxes.put(id, vec![3]));
        assert!(inbox.try_recv().is_ok());
    }
}
