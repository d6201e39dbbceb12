//! Our names in foreign data: what cart attributes, order metadata and landing addresses carried along for us.
//!
//! The visitor id travels as `at_vid`, our click token as `atclid`, click ids and ad cookies under their own names; a
//! leading `_`, by which shops hide a field from customers, makes no difference. What cannot be such a value is left
//! out: it was within a customer's reach.

use std::borrow::Cow;
use std::collections::BTreeMap;

use shared::click_id::packed;
use shared::event::{Campaign, ClickId};
use shared::{Scalar, UnixMs, click_id, event_id, visitor};
use url::form_urlencoded;

use super::Draft;

/// Takes what is ours out of one foreign name and value.
pub(super) fn field(name: &str, value: &str, draft: &mut Draft) {
    let name = name.trim();
    let bare = name.strip_prefix('_').unwrap_or(name);
    let name = of_meta(bare).unwrap_or(name);
    // A cookie that does not say when its click was is no better than the click's parameter, whose name some have.
    let undated = click_id::from_cookie(name, value).filter(|(_, found)| found.seen_at.is_none());
    if bare == visitor::VISITOR_PROPERTY {
        visitor(value, draft);
    } else if let Some((spec, found)) = undated {
        click(spec.param, &found.value, draft);
    } else if click_id::wanted_cookie(name) {
        draft.cookies.insert(name.to_owned(), value.to_owned());
    } else if let Some(spec) = click_id::find(bare).filter(|spec| click_id::valid(spec, value)) {
        click(spec.param, value, draft);
    }
}

/// Meta's cookies by the names that its API has for their values, under which CRMs keep them.
pub(super) fn of_meta(bare: &str) -> Option<&'static str> {
    match bare {
        "fbc" => Some("_fbc"),
        "fbp" => Some("_fbp"),
        _ => None,
    }
}

/// Takes our click token.
pub(super) fn click_token(token: &str, draft: &mut Draft) {
    click(visitor::CLICK_TOKEN, token, draft);
}

/// The click token of ours inside a sub-id: all of it, or one part where it was joined to a sub-id that was there
/// before. Networks change the case of letters, so it counts in either. `None` for what the tag does not make.
pub(super) fn token(sub_id: &str) -> Option<String> {
    let is_token = |part: &&str| {
        part.len() == TOKEN_LETTERS
            && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'v' | b'A'..=b'V'))
    };
    let parts = sub_id.rsplit(|letter: char| !letter.is_ascii_alphanumeric());
    parts.into_iter().find(is_token).map(str::to_ascii_lowercase)
}

/// What a refund tells of its order, as far as the sender knows it. Of one whose total was lowered after it had been paid back
/// nothing is left, and not less.
pub(super) fn of_order(
    time: Option<UnixMs>,
    value: Option<f64>,
    left: Option<f64>,
) -> BTreeMap<String, Scalar> {
    let time = time.map(|time| Scalar::Integer(time.0));
    let left = left.map(|left| left.max(0.0));
    let amount =
        |amount: Option<f64>| amount.map(|amount| Scalar::Number((amount * 1000.0).round() / 1000.0));
    let told = [("order_time", time), ("order_value", amount(value)), ("remaining_value", amount(left))];
    told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Takes a text that should be the visitor's id.
pub(super) fn visitor(value: &str, draft: &mut Draft) {
    let value = value.trim();
    if draft.visitor_id.is_none() && event_id::valid_token(value) {
        draft.visitor_id = Some(value.to_owned());
    }
}

/// Takes click ids and the campaign out of the address of a landing, whole or from its path on. Mostly nobody says when it was:
/// before the event, who knows how long, and perhaps the visitor came by another ad since.
pub(super) fn landing(address: &str, at: Option<UnixMs>, draft: &mut Draft) {
    let address = address.split_once('#').map_or(address, |(address, _)| address);
    let Some((_, query)) = address.split_once('?') else { return };
    for (spec, value) in click_id::from_query(query) {
        let seen_at = at.unwrap_or(ClickId::SOME_TIME_BEFORE);
        let id = ClickId { value, seen_at: Some(seen_at) };
        let known = draft.click_ids.entry(spec.param.to_owned()).or_insert_with(|| id.clone());
        // The landing may tell the time of a click that was kept by itself.
        if known.value == id.value && known.seen_at == Some(ClickId::SOME_TIME_BEFORE) {
            known.seen_at = id.seen_at;
        }
    }
    let pairs = form_urlencoded::parse(query.as_bytes());
    campaign(pairs.filter_map(|(name, value)| Some((Cow::from(utm_of(&name)?), value))), at, draft);
}

/// Takes a campaign from the names of its UTM parameters without `utm_`, unless one is known, and when it brought the visitor.
pub(super) fn campaign<'a>(
    pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    at: Option<UnixMs>,
    draft: &mut Draft,
) {
    let mut campaign = Campaign::default();
    pairs.for_each(|(name, value)| utm(&name, &value, &mut campaign));
    if draft.campaign.is_none() && !campaign.is_empty() {
        campaign.seen_at = Some(at.unwrap_or(ClickId::SOME_TIME_BEFORE));
        draft.campaign = Some(campaign);
    }
}

/// Takes one UTM parameter that was kept, its name without `utm_`, unless it is known.
pub(super) fn campaign_field(name: &str, value: &str, draft: &mut Draft) {
    let mut campaign = draft.campaign.take().unwrap_or_default();
    utm(name, value, &mut campaign);
    campaign.seen_at.get_or_insert(ClickId::SOME_TIME_BEFORE);
    draft.campaign = Some(campaign).filter(|campaign| !campaign.is_empty());
}

/// The UTM parameters there are, without `utm_`.
pub(super) const CAMPAIGN: [&str; 6] = ["source", "medium", "campaign", "term", "content", "id"];

/// The UTM parameter, without `utm_`, that a parameter of this name stands for, as the tag has it.
pub(super) fn utm_of(name: &str) -> Option<&'static str> {
    let name = packed::campaign(name.as_bytes())?.strip_prefix(b"utm_")?;
    std::str::from_utf8(name).ok()
}

fn utm(name: &str, value: &str, campaign: &mut Campaign) {
    let slot = match name {
        "source" => &mut campaign.source,
        "medium" => &mut campaign.medium,
        "campaign" => &mut campaign.name,
        "term" => &mut campaign.term,
        "content" => &mut campaign.content,
        "id" => &mut campaign.id,
        _ => return,
    };
    if slot.is_none() && !value.trim().is_empty() && !is_nothing(value) {
        *slot = Some(value.to_owned());
    }
}

/// Whether a UTM parameter says in the words of web analytics that there was none.
fn is_nothing(value: &str) -> bool {
    NOTHING.iter().any(|nothing| value.trim().eq_ignore_ascii_case(nothing))
}

const NOTHING: [&str; 3] = ["(direct)", "(none)", "(not set)"];

/// A click id that another system has kept is as old as whatever it was kept with: a contact of last month, the first visit of all.
/// Our own token is no click; it leads to one.
fn click(param: &'static str, value: &str, draft: &mut Draft) {
    let seen_at = (param != visitor::CLICK_TOKEN).then_some(ClickId::SOME_TIME_BEFORE);
    let id = ClickId { value: value.to_owned(), seen_at };
    draft.click_ids.entry(param.to_owned()).or_insert(id);
}

/// Letters of a click token, each one of `0` to `9` and `a` to `v` (the tag's `newToken`).
const TOKEN_LETTERS: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn drafted(fields: &[(&str, &str)]) -> Draft {
        let mut draft = Draft::default();
        fields.iter().for_each(|(name, value)| field(name, value, &mut draft));
        draft
    }

    fn clicks(draft: &Draft) -> Vec<(&str, &str)> {
        draft.click_ids.iter().map(|(param, id)| (param.as_str(), id.value.as_str())).collect()
    }

    #[test]
    fn our_names_are_found_hidden_or_not() {
        for (vid, clid) in [("at_vid", "atclid"), ("_at_vid", "_atclid")] {
            let draft = drafted(&[(vid, " v-1 "), (clid, "0123456789abcdefghjkmnpq"), ("colour", "red")]);
            assert_eq!(draft.visitor_id.as_deref(), Some("v-1"));
            assert_eq!(clicks(&draft), [("atclid", "0123456789abcdefghjkmnpq")]);
        }
        let draft = drafted(&[("_gclid", "Cj0-x"), ("_fbp", "fb.1.1700000000000.1"), ("_fbc", "fb.1.1.x")]);
        assert_eq!(clicks(&draft), [("gclid", "Cj0-x")]);
        assert_eq!(draft.cookies.len(), 2);
    }

    #[test]
    fn a_click_that_was_kept_somewhere_is_of_some_time_before() {
        let draft = drafted(&[("gclid", "Cj0-x"), ("atclid", "0123456789abcdefghjkmnpq")]);
        assert_eq!(draft.click_ids["gclid"].seen_at, Some(ClickId::SOME_TIME_BEFORE));
        assert_eq!(draft.click_ids["atclid"].seen_at, None);
    }

    #[test]
    fn a_cookie_that_does_not_date_its_click_is_a_click_that_was_kept() {
        for (name, param) in [("ttclid", "ttclid"), ("_rdt_cid", "rdt_cid"), ("twclid", "twclid")] {
            let draft = drafted(&[(name, "made-up")]);
            assert_eq!(clicks(&draft), [(param, "made-up")], "{name}");
            assert_eq!(draft.click_ids[param].seen_at, Some(ClickId::SOME_TIME_BEFORE), "{name}");
            assert!(draft.cookies.is_empty(), "{name}");
        }
        let dated = drafted(&[("_fbc", "fb.1.1795400000100.IwAR0")]);
        assert!(dated.click_ids.is_empty() && dated.cookies.len() == 1);
    }

    #[test]
    fn a_token_is_found_alone_or_joined_to_another_sub_id() {
        const TOKEN: &str = "0123456789abcdefghijklmn";
        let check =
            |sub_id: &str, expected: Option<&str>| assert_eq!(token(sub_id).as_deref(), expected, "{sub_id}");
        check(TOKEN, Some(TOKEN));
        check(&TOKEN.to_uppercase(), Some(TOKEN));
        for joined in ["summer_", "summer-", "a.b~", "00000000000000000000000x_", "summer|"] {
            check(&format!("{joined}{TOKEN}"), Some(TOKEN));
        }
        check(&format!("{TOKEN}_summer"), Some(TOKEN));
        check(&format!("11111111111111111111aaaa_{TOKEN}"), Some(TOKEN));
        for other in
            ["", "test", "12345", &TOKEN[1..], "0123456789abcdefghijklmw", &format!("x{TOKEN}"), "sömmer"]
        {
            check(other, None);
        }
    }

    #[test]
    fn what_cannot_be_ours_is_left_out() {
        let draft =
            drafted(&[("at_vid", "jane@example.com"), ("at_vid", ""), ("gclid", "{gclid}"), ("vid", "v1")]);
        assert!(draft.visitor_id.is_none() && draft.click_ids.is_empty());
    }

    #[test]
    fn a_landing_has_clicks_and_a_campaign() {
        let mut draft = Draft::default();
        landing(
            "/p/mug?utm_source=ads&utm_campaign=a%20b&utm_medium=&fbclid=IwAR_x&gclid=#top?gclid=no",
            None,
            &mut draft,
        );
        assert_eq!(clicks(&draft), [("fbclid", "IwAR_x")]);
        let campaign = draft.campaign.expect("a campaign");
        assert_eq!((campaign.source.as_deref(), campaign.name.as_deref()), (Some("ads"), Some("a b")));
        assert_eq!(campaign.medium, None);
        let mut matomo = Draft::default();
        landing(
            "/?UTM_SOURCE=ads&mtm_campaign=mugs&pk_kwd=cup&mtm_cid=7&mtm_group=x&utm_name=late",
            None,
            &mut matomo,
        );
        let campaign = matomo.campaign.expect("a campaign");
        let told = [&campaign.source, &campaign.medium, &campaign.name, &campaign.term, &campaign.id];
        assert_eq!(told.map(Option::as_deref), [Some("ads"), None, Some("mugs"), Some("cup"), Some("7")]);
        let mut piecemeal = Draft::default();
        for (name, value) in [("source", "ads"), ("medium", " "), ("source", "later"), ("x", "y")] {
            campaign_field(name, value, &mut piecemeal);
        }
        let campaign = piecemeal.campaign.expect("a campaign");
        assert_eq!((campaign.source.as_deref(), campaign.medium), (Some("ads"), None));
        let mut bare = Draft::default();
        campaign_field("term", "", &mut bare);
        for (name, value) in [("source", "(direct)"), ("medium", " (None) "), ("campaign", "(not set)")] {
            campaign_field(name, value, &mut bare);
        }
        landing("/", None, &mut bare);
        assert!(bare.campaign.is_none() && bare.click_ids.is_empty());
    }

    #[test]
    fn a_landing_is_of_the_time_that_is_told_and_else_of_some_time() {
        let kept = ClickId::SOME_TIME_BEFORE;
        let check = |at: Option<UnixMs>, known: &[(&str, &str)], expected: UnixMs| {
            let mut draft = drafted(known);
            landing("https://shop.example/?utm_source=ads&gclid=Cj0-x", at, &mut draft);
            assert_eq!(draft.click_ids["gclid"].seen_at, Some(expected), "{known:?}");
            let campaign = draft.campaign.and_then(|campaign| campaign.seen_at);
            assert_eq!(campaign, Some(at.unwrap_or(kept)), "{known:?}");
        };
        let at = UnixMs(1_795_400_000_000);
        check(None, &[], kept);
        check(Some(at), &[], at);
        // The click was kept by itself, and the landing says when it was; it says nothing of another click.
        check(Some(at), &[("gclid", "Cj0-x")], at);
        check(Some(at), &[("gclid", "Cj0-y")], kept);
    }

    #[test]
    fn metas_cookies_are_known_by_its_names_for_their_values() {
        let draft = drafted(&[("fbc", "fb.1.1795400000100.IwAR0"), ("fbp", "fb.1.1700000000000.1")]);
        assert!(draft.cookies.keys().eq(["_fbc", "_fbp"]), "{:?}", draft.cookies);
    }
}
