//! The marks of a landing in a foreign event: click ids and ad cookies, checked against the registry.
//!
//! Owns which of them are kept: what the registry knows and what can be such a value. The rest is named in a warning
//! and dropped, because a conversion is worth more than its ornaments. Values are never trimmed, cut or lower-cased.

use shared::event::{ClickId, Event};
use shared::time::DAY_MS;
use shared::{Attribution, UnixMs, click_id, limits, scrub};

use super::raw_event::Pairs;
use super::read::{shown, time};

/// Keeps the cookies some platform asks for, byte for byte.
pub(super) fn cookies(Pairs(cookies): Pairs<String>, event: &mut Event, warnings: &mut Vec<String>) {
    for (name, value) in cookies {
        let sane = !value.is_empty() && value.len() <= limits::COOKIE && !limits::has_control(&value);
        let sane = sane && !scrub::looks_like_email(&value);
        if event.cookies.len() < limits::COOKIES && sane && click_id::wanted_cookie(&name) {
            event.cookies.insert(name, value);
        } else {
            warnings.push(format!("cookies.{}: no platform asks for it, ignored", shown(&name)));
        }
    }
}

/// Click ids the event names, then those of its page's address, then those inside the ad cookies. A cookie that says when its click
/// was says it of a click that is named without a time; a click that yields to the cookie's is written down, for the destinations for
/// which that one is too old.
pub(super) fn click_ids(Pairs(named): Pairs<ClickId>, event: &mut Event, warnings: &mut Vec<String>) {
    for (param, mut id) in named {
        id.seen_at = id.seen_at.map(|at| time(&format!("click_ids.{}.seen_at", shown(&param)), at, warnings));
        match click_id::find(&param) {
            Some(spec) if click_id::valid(spec, &id.value) && !scrub::looks_like_email(&id.value) => {
                let param = if spec.param == param { param } else { spec.param.to_owned() };
                event.click_ids.insert(param, id);
            }
            Some(_) => warnings.push(format!("click_ids.{param}: not a value of this click id, ignored")),
            None => warnings.push(format!("click_ids.{}: unknown click id, ignored", shown(&param))),
        }
    }
    let Event { page, time, cookies, click_ids, attribution, .. } = event;
    let ids_of =
        |url: &Option<String>| url.as_deref().and_then(query).map(click_id::from_query).into_iter().flatten();
    // Meta looks into the referrer as a last resort (parameter builder, read 2026-11-23); nobody else asks for it.
    let of_referrer = ids_of(&page.referrer).filter(|(spec, _)| spec.param == "fbclid");
    for (spec, value) in ids_of(&page.url).chain(of_referrer) {
        click_ids.entry(spec.param.to_owned()).or_insert(ClickId { value, seen_at: Some(*time) });
    }
    for (param, id) in cookies.iter().filter_map(|(name, value)| from_cookie(name, value)) {
        if click_ids.get(param).is_some_and(|named| !tells_more(param, &id, named, *time)) {
            continue;
        }
        let named = click_ids.insert(param.to_owned(), id.clone());
        if let Some(kept) = named.filter(|named| named.value != id.value) {
            let record = attribution.get_or_insert_with(Box::<Attribution>::default);
            record.passed_over.insert(param.to_owned(), ClickId { seen_at: None, ..kept });
        }
    }
    while event.click_ids.len() > limits::CLICK_IDS {
        event.click_ids.pop_last();
    }
}

/// The query of an address, without the fragment: Taboola appends `#tblci…` to landings beside its parameter. A query
/// inside the fragment counts, because pages that route there (`/#/thanks?…`) have it there.
fn query(url: &str) -> Option<&str> {
    let (_, query) = url.split_once('?')?;
    query.split('#').next()
}

/// Whether a cookie tells more of a click than what is named: its time, or of a platform whose click another system has kept, a
/// click of a known time that can be the event's.
fn tells_more(param: &str, cookie: &ClickId, named: &ClickId, happened: UnixMs) -> bool {
    let Some(seen_at) = cookie.seen_at else { return false };
    let is_kept = named.seen_at == Some(ClickId::SOME_TIME_BEFORE);
    if cookie.value == named.value {
        return is_kept || named.seen_at.is_none();
    }
    let days = click_id::find(param).map_or(0, |spec| i64::from(spec.days));
    is_kept && (0..=days * DAY_MS).contains(&happened.since(seen_at))
}

/// The click id inside an ad cookie, by parameter.
fn from_cookie(name: &str, value: &str) -> Option<(&'static str, ClickId)> {
    let (spec, found) = click_id::from_cookie(name, value)?;
    Some((spec.param, ClickId { value: found.value.into(), seen_at: found.seen_at }))
}
