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
    /// Takes a dialogue one step on, within `tx`. A step that cannot be taken is undone, an operator hears of it and
    /// the number is told to call: it stops neither this dialogue nor anybody else's.
    ///
    /// # Errors
    ///
    /// If the store fails; then all of `tx` is tried again.
    pub(super) async fn advance(
        &self,
        tx: &mut Tx,
        peer: &Peer,
        event: Event,
        now: UtcMs,
    ) -> anyhow::Result<()> {
        self.store.mark(tx).await?;
        let done = self.apply(tx, peer, event, now).await;
        let Err(error) = self.store.keep_or_undo(tx, done).await? else { return Ok(()) };
        tracing::error!(error = format!("{error:#}"), "a step of a dialogue cannot be taken");
        self.store.report_trouble(tx, "step", now).await?;
        self.apply(tx, peer, Event::Broke, now).await
    }

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
                Action::Tell { kind, text } => {
                    let report =
                        Report { report_id: random_id(), phone: peer.phone.clone(), kind, text, at: now };
                    self.store.put_report(tx, &report, dialogue.home.as_deref(), now).await?;
                }
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
        let (text, composed) = match compose(lang, &text, Sending::First) {
            Ok(composed) => (text, composed),
            Err(error) => {
                // Something longer than the contract with the nodes allows: rather "please call" than silence.
                tracing::error!(%error, "a reply cannot be made");
                self.store.report_trouble(tx, "reply", now).await?;
                let instead = Text::new("sms-refused", &[("phone", &self.rules.settings.operator_phone)]);
                let composed = compose(lang, &instead, Sending::First)?;
                (instead, composed)
            }
        };
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
                    let report = Report {
                        report_id: random_id(),
                        phone: String::new(),
                        kind: ReportKind::BudgetSpent,
                        text: spent.name().to_owned(),
                        at: now,
                    };
                    self.store.put_report(tx, &report, None, now).await?;
                }
                Ok(Err(spent))
            }
        }
    }
}

/// A booking's acknowledgement (whoever has a booking is no stranger; the node takes one open booking a number), the
/// answer to SOS and the one word that more is not read go out even when a flood has spent the budgets, from the
/// day's reserve; they do not overtake what was said before.
fn reply_weight(template: &str) -> Urgency {
    match template {
        "sms-booked" | "sms-booked-apart" | "sms-booked-later" | "sms-sos" | "sms-too-many" => {
            Urgency::Urgent
        }
        _ => Urgency::Plain,
    }
}

pub(super) fn count(text: &str) -> u32 {
    u32::try_from(segments(text).parts.len()).unwrap_or(u32::MAX)
}
