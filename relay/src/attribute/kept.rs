//! Kept: the clicks and the campaign of an event that another system has kept.
//!
//! A shop keeps the address of a landing, a CRM the click with which a contact began; the visitor may have come by another ad
//! since. Where nobody says when that was, a click whose time is known and that can be lent to the event beats one that was kept;
//! where none of its platform can be lent, the kept one counts. These clicks, and the campaign, are set aside while the event's
//! click is looked for, and what counts is given back. What was passed over is written down, because the better click may be
//! too old for some destination. Where somebody does say when it was, the newer of the two counts ([`yield_to_newer`]). A visitor's
//! memory keeps apart what it learns of this kind, and lends it last of all.
//! Pure; leaves the search to `attribute`.

use std::collections::BTreeMap;
use std::mem;

use shared::click_id::{self, GOOGLE_EXCLUSIVE, Spec};
use shared::event::{Campaign, ClickId};
use shared::visitor::{CLICK_TOKEN, Visitor};
use shared::{Attribution, Event, Evidence, Source, UnixMs, limits};

use super::LOOK_BACK_MS;

/// What of an event was kept by another system.
#[derive(Debug, Default)]
pub(super) struct Kept {
    click_ids: BTreeMap<String, ClickId>,
    campaign: Option<Campaign>,
    /// What was passed over already, when several reports became one event.
    passed_over: BTreeMap<String, ClickId>,
}

impl Kept {
    /// Takes out of an event what was kept. Answers whether the event has changed.
    pub(super) fn take(&mut self, event: &mut Event) -> bool {
        let passed_over = event.attribution.take().map(|record| record.passed_over);
        let is_record_taken = passed_over.is_some();
        self.passed_over = passed_over.unwrap_or_default();
        let is_vague_campaign = event.campaign.as_ref().is_some_and(Campaign::is_of_some_time);
        if !is_vague_campaign && !event.click_ids.values().any(is_vague) {
            return is_record_taken;
        }
        for (param, mut click) in mem::take(&mut event.click_ids) {
            // Our own token is no click; it leads to one.
            let is_kept = is_vague(&click) && param != CLICK_TOKEN;
            if is_vague(&click) {
                click.seen_at = None;
            }
            let place = if is_kept { &mut self.click_ids } else { &mut event.click_ids };
            place.insert(param, click);
        }
        // A page knows its own campaign, also where a shop's report of the same order has joined it.
        let is_undated = event.campaign.as_ref().is_some_and(|campaign| campaign.seen_at.is_none());
        let is_beside_click = is_undated && !self.click_ids.is_empty() && event.source != Source::Web;
        if is_vague_campaign || is_beside_click {
            self.campaign = event.campaign.take().map(|campaign| campaign.undated());
        }
        true
    }

    /// Whether nothing was kept.
    pub(super) fn is_empty(&self) -> bool {
        self.click_ids.is_empty() && self.campaign.is_none() && self.passed_over.is_empty()
    }

    /// Drops what the event, after the search, has something better for. Answers which clicks that were, and their labels.
    pub(super) fn weigh(&mut self, event: &Event) -> BTreeMap<String, ClickId> {
        let better = kinds(event.click_ids.keys());
        let is_beaten = |param: &str| kind(param).is_some_and(|kind| better.contains(&kind));
        let kept = mem::take(&mut self.click_ids);
        let (beaten, kept): (BTreeMap<_, _>, BTreeMap<_, _>) =
            kept.into_iter().partition(|(param, _)| is_beaten(param));
        self.click_ids = kept;
        self.campaign = self.campaign.take().filter(|_| event.campaign.is_none());
        let mut passed_over = mem::take(&mut self.passed_over);
        passed_over.extend(beaten);
        // The same click, of which the event knows the time, is no other one.
        passed_over
            .retain(|param, click| event.click_ids.get(param).is_none_or(|own| own.value != click.value));
        let with_click = kinds(passed_over.keys());
        passed_over.retain(|param, _| kind(param).is_some_and(|kind| with_click.contains(&kind)));
        passed_over
    }

    /// Gives it to the event, in place of the labels that a memory has lent it: they belong to another click. Answers whether
    /// the event has changed.
    pub(super) fn give(&self, event: &mut Event, record: &mut Attribution) -> bool {
        let given = kinds(self.click_ids.keys());
        event.click_ids.retain(|param, _| {
            let is_of_another = kind(param).is_some_and(|kind| given.contains(&kind));
            !(is_of_another && record.lent.remove(param).is_some())
        });
        for (param, click) in &self.click_ids {
            if event.click_ids.len() < limits::CLICK_IDS {
                event.click_ids.entry(param.clone()).or_insert_with(|| click.clone());
            }
        }
        if self.campaign.is_some() {
            event.campaign.clone_from(&self.campaign);
        }
        !self.is_empty()
    }

    /// What a visitor's memory has of what was kept, for an event of this time.
    pub(super) fn remembered(memory: &Visitor, at: UnixMs) -> Self {
        let click_ids = memory
            .kept_before(at, LOOK_BACK_MS)
            .map(|(param, click)| (param.clone(), ClickId { value: click.value.clone(), seen_at: None }));
        let campaign = memory.kept_campaign_before(at, LOOK_BACK_MS).map(Campaign::undated);
        Self { click_ids: click_ids.collect(), campaign, passed_over: BTreeMap::new() }
    }

    /// Lends it to an event that has nothing better, whoever knows that. What yields to a click of known time is written down, unless
    /// something that the event brings itself is. Answers whether the event has changed.
    pub(super) fn lend(&mut self, event: &mut Event, evidence: Evidence, record: &mut Attribution) -> bool {
        let of_known_time = event.click_ids.iter().filter(|(_, click)| click.seen_at.is_some());
        let (aging, told) = (kinds(of_known_time.map(|(param, _)| param)), kinds(record.passed_over.keys()));
        let mut beaten = self.weigh(event);
        beaten.retain(|param, _| {
            kind(param).is_some_and(|kind| aging.contains(&kind) && !told.contains(&kind))
        });
        record.passed_over.extend(beaten);
        let changed = self.give(event, record);
        for (param, click) in &self.click_ids {
            if event.click_ids.get(param) == Some(click) {
                record.lent.insert(param.clone(), evidence);
            }
        }
        changed
    }

    /// Has a visitor's memory know the clicks of platforms of which it knows none, and the campaign if it knows none, as what was
    /// kept before an event of this time. They are no touches: nobody knows when the visitor came by them. Answers whether the memory
    /// has changed.
    pub(super) fn teach(&self, memory: &mut Visitor, at: UnixMs) -> bool {
        let lasts = |click: &ClickId| click.seen_at.is_some_and(|seen_at| at.since(seen_at) <= LOOK_BACK_MS);
        let kept = memory.kept.iter().filter(|(_, click)| lasts(click)).map(|(param, _)| param);
        let known = kinds(memory.click_ids.keys().chain(kept));
        let mut learned = kinds(self.click_ids.keys());
        learned.retain(|kind| !known.contains(kind));
        let is_learned = |param: &str| kind(param).is_some_and(|kind| learned.contains(&kind));
        memory.kept.retain(|param, _| !is_learned(param));
        for (param, click) in &self.click_ids {
            if is_learned(param) && !self.is_beaten(param) {
                let click = ClickId { value: click.value.clone(), seen_at: Some(at) };
                memory.kept.insert(param.clone(), click);
            }
        }
        let kept_at = memory.kept_campaign.as_ref().and_then(|campaign| campaign.seen_at);
        let is_known = memory.last_campaign.is_some()
            || kept_at.is_some_and(|kept_at| at.since(kept_at) <= LOOK_BACK_MS);
        let campaign = self.campaign.as_ref().filter(|_| !is_known);
        if let Some(campaign) = campaign {
            memory.kept_campaign = Some(Campaign { seen_at: Some(at), ..campaign.clone() });
        }
        campaign.is_some() || !learned.is_empty()
    }

    /// Whether it is one of Google's click ids beside a better one: a memory has only one of them.
    fn is_beaten(&self, param: &str) -> bool {
        let best = GOOGLE_EXCLUSIVE.into_iter().find(|google| self.click_ids.contains_key(*google));
        GOOGLE_EXCLUSIVE.contains(&param) && best != Some(param)
    }
}

/// The parameters of what an event brings of landings whose times somebody has told.
pub(super) fn dated(event: &Event) -> Vec<String> {
    let dated = event.click_ids.iter().filter(|(_, click)| click.seen_at.is_some());
    dated.map(|(param, _)| param.clone()).collect()
}

/// Takes out of an event what a memory knows something newer than: of the clicks it brings itself the `dated` ones, which are so no
/// more, and the campaign if somebody has told its time. Answers whether the event has changed.
pub(super) fn yield_to_newer(
    event: &mut Event,
    memory: &Visitor,
    dated: &mut Vec<String>,
    max_age_ms: i64,
) -> bool {
    let campaign_at = event.campaign.as_ref().and_then(|campaign| campaign.seen_at);
    let newest = memory.click_ids.values().filter_map(|click| click.seen_at).max();
    let is_click_older = |param: &String| event.click_ids.get(param).is_some_and(|own| own.seen_at < newest);
    if !dated.iter().any(is_click_older) && campaign_at.is_none_or(|at| at >= memory.campaign_at) {
        return false;
    }
    // What the memory would lend to the event if it had nothing of its own.
    let mut lent = event.clone();
    lent.click_ids.clear();
    lent.campaign = None;
    memory.fill(&mut lent, max_age_ms);
    let (happened, is_page) = (event.time, event.source == Source::Web);
    // One clock tells a page's times: there a click that seems later than the event is later.
    let is_rival = |at: &UnixMs| !is_page || *at <= happened;
    let mut newest: Vec<(Kind, UnixMs)> = Vec::new();
    for (param, click) in &lent.click_ids {
        let kind = kind(param).filter(|_| click_id::find(param).is_some_and(Spec::is_ad_click));
        let seen_at = click.seen_at.filter(is_rival).map(|seen_at| seen_at.min(happened));
        newest.extend(kind.zip(seen_at));
    }
    let mut gone: Vec<(String, String)> = Vec::new();
    event.click_ids.retain(|param, own| {
        let is_older = |(of, at): &(Kind, UnixMs)| kind(param) == Some(*of) && own.seen_at < Some(*at);
        let is_same = lent.click_ids.get(param).is_some_and(|known| known.value == own.value);
        let stays = is_same || !dated.contains(param) || !newest.iter().any(is_older);
        if !stays {
            gone.push((param.clone(), own.value.clone()));
        }
        stays
    });
    // What is lent in its place is not the event's own and yields to nothing.
    dated.retain(|param| gone.iter().all(|(other, _)| other != param));
    // A cookie that carries such a click goes with it.
    event.cookies.retain(|name, value| {
        click_id::from_cookie(name, value).is_none_or(|(spec, found)| {
            gone.iter().all(|(param, value)| param != spec.param || *value != found.value)
        })
    });
    let is_campaign_known = lent.campaign.is_some() && is_rival(&memory.campaign_at);
    let is_campaign_older = is_campaign_known && campaign_at.is_some_and(|at| at < memory.campaign_at);
    if is_campaign_older {
        event.campaign = None;
    }
    is_campaign_older || !gone.is_empty()
}

/// Whether all that is known of a click's time is that it was before the event.
fn is_vague(click: &ClickId) -> bool {
    click.seen_at == Some(ClickId::SOME_TIME_BEFORE)
}

/// Clicks of one kind can stand for each other: those of one platform, but for a chat that began from an ad.
pub(crate) type Kind = (&'static str, bool);

/// The kind of a click or a label.
pub(crate) fn kind(param: &str) -> Option<Kind> {
    let spec = click_id::find(param)?;
    Some((spec.platform, spec.param == CHAT))
}

/// The kinds of the ads' clicks among some parameters: a label says nothing of any click but the one it came with.
pub(crate) fn kinds<'a>(params: impl Iterator<Item = &'a String>) -> Vec<Kind> {
    let clicks = params.filter(|param| click_id::find(param).is_some_and(Spec::is_ad_click));
    clicks.filter_map(|param| kind(param)).collect()
}

/// Meta's click id of a chat, which no website's conversion is told with.
const CHAT: &str = "ctwa_clid";
