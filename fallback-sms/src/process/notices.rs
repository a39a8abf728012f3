//! What nodes want sent, and what they are told of it.

use super::desk::{Desk, random_id};
use super::say::count;
use crate::carrier::Carrier;
use crate::clock::UtcMs;
use crate::dialogue::budget::Urgency;
use crate::dialogue::{Consent, Event, Party};
use crate::node::NodeApi;
use crate::number::e164;
use crate::reply::{Sending, Text, compose, template};
use crate::store::{Draft, Tx};
use crate::wire::{NOTICES_MAX, Notice, NoticeOutcome};

/// An urgent notice without an answer after this goes to voice or an operator, in simulated milliseconds.
const ANSWER_WITHIN_MS: u64 = 45_000;
/// Most reports told at once.
const REPORTS_MAX: u32 = 20;

impl<N: NodeApi, C: Carrier> Desk<N, C> {
    /// Reads the next page of `source`'s outbox, waiting up to `wait_ms`, and takes its notices.
    ///
    /// # Errors
    ///
    /// If the node does not answer or the store fails; then the page is read again.
    pub async fn read_notices(&self, source: &str, now: UtcMs, wait_ms: u64) -> anyhow::Result<usize> {
        let (outbox, after) = self.store.cursor(source).await?;
        let page = self.node.notices(source, after, wait_ms).await?;
        let mut tx = self.store.begin().await?;
        if after > 0 && page.outbox != outbox {
            // The node's numbers have started again: read it from its start. Ids keep notices from being sent twice.
            self.store.move_cursor(&mut tx, source, &page.outbox, 0).await?;
            tx.commit().await?;
            return Ok(0);
        }
        let mut last = after;
        for notice in page.notices.iter().take(NOTICES_MAX) {
            let outcome = if self.store.note_notice(&mut tx, notice.id, now).await? {
                self.take_notice(&mut tx, source, &page.outbox, notice, now).await?
            } else {
                NoticeOutcome::Taken
            };
            self.store.put_outcome(&mut tx, source, &page.outbox, notice.id, outcome, now).await?;
            last = last.max(notice.seq);
        }
        self.store.move_cursor(&mut tx, source, &page.outbox, last).await?;
        tx.commit().await?;
        Ok(page.notices.len())
    }

    async fn take_notice(
        &self,
        tx: &mut Tx,
        source: &str,
        outbox: &str,
        notice: &Notice,
        now: UtcMs,
    ) -> anyhow::Result<NoticeOutcome> {
        if now >= notice.expires_at {
            return Ok(NoticeOutcome::Expired);
        }
        let Ok(phone) = e164(&notice.to, &self.rules.countries) else {
            tracing::warn!("a notice was refused: its number is not one that is answered");
            return Ok(NoticeOutcome::Refused);
        };
        let mut text = Text { template: notice.template.clone(), args: notice.args.clone() };
        if template(&text.template).is_some_and(|known| known.value("phone").is_some()) {
            // A node does not know where this depot's riders and drivers call.
            let phone = &self.rules.settings.operator_phone;
            text.args.entry("phone".to_owned()).or_insert_with(|| phone.clone());
        }
        let composed = match compose(notice.lang, &text, Sending::First) {
            Ok(composed) => composed,
            Err(error) => {
                tracing::warn!(%error, "a notice was refused");
                return Ok(NoticeOutcome::Refused);
            }
        };
        let peer = self.store.peer(&phone);
        let dialogue = self.store.dialogue(tx, &peer, now).await?;
        if dialogue.consent == Consent::Withdrawn {
            return Ok(NoticeOutcome::Refused);
        }
        let draft = Draft {
            id: random_id(),
            peer: peer.clone(),
            // A node writes only to riders and drivers that it knows.
            party: if dialogue.party == Party::Stranger { Party::Rider } else { dialogue.party },
            lang: notice.lang,
            text,
            urgency: if notice.urgent { Urgency::Urgent } else { Urgency::Plain },
            segments: count(&composed),
            expires_at: notice.expires_at,
            notice: Some((source.to_owned(), outbox.to_owned(), notice.id)),
        };
        if self.put_within_budget(tx, &draft, draft.urgency, now).await?.is_err() {
            return Ok(NoticeOutcome::Refused);
        }
        let code = notice.args.get("code").cloned().unwrap_or_default();
        let ask = notice.ask.map(|ask| (ask.booking_id, code, ask.kind));
        self.apply(tx, &peer, Event::Noticed { lang: notice.lang, ask }, now).await?;
        Ok(NoticeOutcome::Taken)
    }

    /// Notes urgent notices that nobody answered in time.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn watch(&self, now: UtcMs) -> anyhow::Result<usize> {
        self.store.note_unanswered(now, ANSWER_WITHIN_MS).await
    }

    /// Tells `source` what became of its notices.
    ///
    /// # Errors
    ///
    /// If the node does not answer or the store fails; it is told again.
    pub async fn tell_outcomes(&self, source: &str) -> anyhow::Result<usize> {
        let mut told = 0;
        while let Some((request, last)) = self.store.untold_outcomes(source, NOTICES_MAX).await? {
            self.node.acknowledge(source, &request).await?;
            self.store.told_outcomes(source, &request.outbox, last).await?;
            told += request.results.len();
        }
        Ok(told)
    }

    /// Tells a node what operators must hear of.
    ///
    /// # Errors
    ///
    /// If no node answers or the store fails; it is told again.
    pub async fn tell_reports(&self, now: UtcMs) -> anyhow::Result<usize> {
        let reports = self.store.untold_reports(REPORTS_MAX).await?;
        for report in &reports {
            self.node.report(report, now).await?;
            self.store.told_report(report.report_id).await?;
        }
        Ok(reports.len())
    }
}
