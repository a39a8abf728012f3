//! What nodes want sent, and what they are told of it.

use std::collections::BTreeSet;

use super::desk::{Desk, random_id};
use super::say::count;
use crate::carrier::Carrier;
use crate::clock::UtcMs;
use crate::dialogue::budget::Urgency;
use crate::dialogue::{Consent, Event, Party};
use crate::node::{NodeApi, Unreachable};
use crate::number::e164;
use crate::reply::{Sending, Text, compose, template};
use crate::store::{Draft, Tx, Untold};
use crate::wire::{NOTICES_MAX, Notice, NoticeOutcome};

/// An offer without an answer after this goes to voice or an operator, in simulated milliseconds.
const ANSWER_WITHIN_MS: u64 = 45_000;
/// Most reports told at once.
const REPORTS_MAX: u32 = 20;
/// After this a report that one node has is not told to another any more, in simulated milliseconds.
const REPORT_FRESH_MS: u64 = 24 * 3_600_000;

/// Nodes that did not take a report in this round: they are not asked again in it.
#[derive(Default)]
struct Away {
    nodes: BTreeSet<String>,
    trouble: Option<Unreachable>,
}

impl<N: NodeApi, C: Carrier> Desk<N, C> {
    /// Reads the next page of `source`'s outbox, waiting up to `wait_ms`, and takes its notices.
    ///
    /// # Errors
    ///
    /// If the node does not answer or the store fails; then the page is read again.
    pub async fn read_notices(&self, source: &str, now: UtcMs, wait_ms: u64) -> anyhow::Result<usize> {
        let (outbox, after) = self.store.cursor(source).await?;
        let page = self.node.notices(source, &outbox, after, wait_ms).await?;
        let mut tx = self.store.begin().await?;
        if after > 0 && page.outbox != outbox {
            // The node lives anew, and its numbers may have started again: read it from its start. Ids keep notices
            // from being sent twice.
            self.store.move_cursor(&mut tx, source, &page.outbox, 0).await?;
            tx.commit().await?;
            return Ok(0);
        }
        let mut last = after;
        for notice in page.notices.iter().take(NOTICES_MAX) {
            self.store.mark(&mut tx).await?;
            let taken = self.take_once(&mut tx, source, &page.outbox, notice, now).await;
            let outcome = match self.store.keep_or_undo(&mut tx, taken).await? {
                Ok(outcome) => outcome,
                Err(error) => {
                    tracing::error!(notice = %notice.id, error = format!("{error:#}"), "a notice cannot be taken");
                    self.store.report_trouble(&mut tx, "notice", now).await?;
                    NoticeOutcome::Refused
                }
            };
            self.store.put_outcome(&mut tx, source, &page.outbox, notice.id, outcome, now).await?;
            last = last.max(notice.seq);
        }
        self.store.move_cursor(&mut tx, source, &page.outbox, last).await?;
        tx.commit().await?;
        Ok(page.notices.len())
    }

    async fn take_once(
        &self,
        tx: &mut Tx,
        source: &str,
        outbox: &str,
        notice: &Notice,
        now: UtcMs,
    ) -> anyhow::Result<NoticeOutcome> {
        if self.store.note_notice(tx, notice.id, now).await? {
            self.take_notice(tx, source, outbox, notice, now).await
        } else {
            Ok(NoticeOutcome::Taken)
        }
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

    /// Notes offers that nobody answered in time.
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

    /// Tells nodes what operators must hear of: every node if somebody may be in danger, else the one that knows the
    /// person, or the next that answers.
    ///
    /// # Errors
    ///
    /// If a node that must have a report does not answer, or the store fails; it is told again.
    pub async fn tell_reports(&self, now: UtcMs) -> anyhow::Result<usize> {
        let mut away = Away::default();
        let reports = self.store.untold_reports(REPORTS_MAX, now).await?;
        for untold in &reports {
            self.tell_report(untold, &mut away, now).await?;
        }
        away.trouble.map_or(Ok(reports.len()), |trouble| Err(trouble.into()))
    }

    async fn tell_report(&self, untold: &Untold, away: &mut Away, now: UtcMs) -> anyhow::Result<()> {
        let report = &untold.report;
        let for_all = report.kind.is_for_every_node();
        let mut sources = self.node.sources();
        sources.sort_by_key(|source| Some(source) != untold.home.as_ref());
        let mut having: Vec<&String> =
            sources.iter().filter(|source| untold.told.contains(*source)).collect();
        for source in &sources {
            if (!for_all && !having.is_empty()) || having.contains(&source) || away.nodes.contains(source) {
                continue;
            }
            match self.node.report(source, report).await {
                Ok(()) => {
                    self.store.told_report(report.report_id, source).await?;
                    having.push(source);
                }
                Err(trouble) => {
                    away.nodes.insert(source.clone());
                    away.trouble = Some(trouble);
                }
            }
        }
        // A node that is away for long hears nothing stale when it is back; somebody has it by then.
        let stale = now.since_ms(report.at) > REPORT_FRESH_MS && !having.is_empty();
        if stale || having.len() == sources.len() || (!for_all && !having.is_empty()) {
            self.store.end_report(report.report_id).await?;
        }
        Ok(())
    }
}
