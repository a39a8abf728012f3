//! A step of a dialogue and what it causes, in one transaction.

use super::desk::{Desk, random_id};
use crate::carrier::Carrier;
use crate::clock::UtcMs;
use crate::dialogue::budget::{Spent, Urgency, allow};
use crate::dialogue::{Action, Context, Dialogue, Event, step};
use crate::node::NodeApi;
use crate::reply::{Sending, Text, compose, segments};
use crate::store::{Draft, Peer, Tx};
use crate::wire::{Report, ReportKind};

impl<N: NodeApi, C: Carrier> Desk<N, C> {
    /// Takes a dialogue one step on, within `tx`.
    pub(super) async fn apply(
        &self,
        tx: &mut Tx,
        peer: &Peer,
        event: Event,
        now: UtcMs,
    ) -> anyhow::Result<()> {
        let before = self.store.dialogue(tx, peer, now).await?;
        let context = Context {
            now,
            phone: &peer.phone,
            settings: &self.rules.settings,
            ids: self.store.ids(),
            nonce: (self.rules.nonce)(),
        };
        let (dialogue, actions) = step(before, event, &context);
        for action in actions {
            match action {
                Action::Say(text) => self.reply(tx, peer, &dialogue, text, now).await?,
                Action::Ask(request) => {
                    self.store.put_request(tx, peer, &request, dialogue.home.as_deref(), now).await?;
                }
                Action::Tell { kind, text } => self.report(tx, &peer.phone, kind, text, now).await?,
            }
        }
        self.store.put_dialogue(tx, peer, &dialogue, now).await
    }

    /// Writes a reply into the outbox, unless a budget is spent.
    async fn reply(
        &self,
        tx: &mut Tx,
        peer: &Peer,
        dialogue: &Dialogue,
        text: Text,
        now: UtcMs,
    ) -> anyhow::Result<()> {
        let lang = dialogue.lang.unwrap_or(self.rules.settings.lang);
        let composed = compose(lang, &text, Sending::First)?;
        let draft = Draft {
            id: random_id(),
            peer: peer.clone(),
            party: dialogue.party,
            lang,
            urgency: Urgency::Plain,
            segments: count(&composed),
            expires_at: now.plus_ms(self.rules.reply_valid_ms),
            notice: None,
            text,
        };
        let weight = reply_weight(&draft.text.template);
        match self.put_within_budget(tx, &draft, weight, now).await? {
            Ok(()) => Ok(()),
            Err(spent) => {
                tracing::warn!(budget = spent.name(), "a reply was not sent: the budget is spent");
                Ok(())
            }
        }
    }

    /// Writes a text into the outbox if its budgets allow; an operator hears of a spent one once an hour.
    pub(super) async fn put_within_budget(
        &self,
        tx: &mut Tx,
        draft: &Draft,
        weight: Urgency,
        now: UtcMs,
    ) -> anyhow::Result<Result<(), Spent>> {
        let usage = self.store.usage(tx, &draft.peer, now).await?;
        match allow(&usage, &self.rules.limits, draft.party, weight) {
            Ok(()) => {
                self.store.put_text(tx, draft, now).await?;
                Ok(Ok(()))
            }
            Err(spent) => {
                if self.store.note_spent(tx, spent.name(), now).await? {
                    self.report(tx, "", ReportKind::BudgetSpent, spent.name().to_owned(), now).await?;
                }
                Ok(Err(spent))
            }
        }
    }

    async fn report(
        &self,
        tx: &mut Tx,
        phone: &str,
        kind: ReportKind,
        text: String,
        now: UtcMs,
    ) -> anyhow::Result<()> {
        let report = Report { report_id: random_id(), phone: phone.to_owned(), kind, text, at: now };
        self.store.put_report(tx, &report, now).await
    }
}

/// A booking's acknowledgement and the answer to SOS go out even when a flood has spent the budgets
/// (the node takes one open booking a number); they do not overtake what was said before.
fn reply_weight(template: &str) -> Urgency {
    match template {
        "sms-booked" | "sms-booked-apart" | "sms-booked-later" | "sms-sos" => Urgency::Urgent,
        _ => Urgency::Plain,
    }
}

pub(super) fn count(text: &str) -> u32 {
    u32::try_from(segments(text).parts.len()).unwrap_or(u32::MAX)
}
