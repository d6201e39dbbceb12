//! Names of events that miss a standard one by the case of a letter, wherever they stand.

use super::said;

/// One warning of a document's line and key, or none.
fn check(text: &str, place: Option<(usize, &str)>, standard: &str) {
    let expected = place.map(|(line, key)| {
        format!("a.toml:{line}: {key}: event names are case-sensitive; the standard event is `{standard}`")
    });
    assert_eq!(said(text), Vec::from_iter(expected), "{text}");
}

#[test]
fn of_a_site() {
    check("merge_window = { Purchase = '30s' }", None, "");
    check("merge_window = { purchase = '30s' }", Some((7, "site.shop.merge_window.purchase")), "Purchase");
    check(
        "[site.tag.adopt]\nevents = { newsletter = 'lead', lead = 'Lead', search = false }",
        Some((8, "site.shop.tag.adopt.events.newsletter")),
        "Lead",
    );
}

#[test]
fn of_a_destination() {
    let check = |lines: &str, place, standard| {
        check(&format!("[[destination]]\nname = 'x'\nsite = 'shop'\n{lines}"), place, standard);
    };
    let google = "platform = 'google-ads'\noperating_account = '123-456-7890'\n\
                  oauth = { client_id = 'c', client_secret = 's', refresh_token = 'r' }\nconversion_actions = ";
    check(&format!("{google}{{ Purchase = '987654321', lead_of_ours = '987654322' }}"), None, "");
    check(
        &format!("{google}{{ purchase = '987654321' }}"),
        Some((13, "destination.x.conversion_actions.purchase")),
        "Purchase",
    );
    check(
        "platform = 'outbrain'\nconversions = { LEAD = 'lead' }",
        Some((11, "destination.x.conversions.LEAD")),
        "Lead",
    );
    check(
        "platform = 'webhook'\nurl = 'https://hooks.example/'\nsecret = \"${TOKEN}\"\nevent_filter = ['Lead', 'purchase']",
        Some((13, "destination.x.event_filter[1]")),
        "Purchase",
    );
}

#[test]
fn of_a_source() {
    let check = |lines: &str, place, standard| {
        check(&format!("[[source]]\nname = 'x'\nsite = 'shop'\n{lines}"), place, standard);
    };
    let jotform = "kind = 'jotform'\ntoken = \"${TOKEN}\"\nevents = ";
    check(&format!("{jotform}{{ submission = 'Lead', lead = 'Contact' }}"), None, "");
    check(&format!("{jotform}{{ submission = 'lead' }}"), Some((12, "source.x.events.submission")), "Lead");
    check(
        "kind = 'woocommerce'\nsecret = \"${TOKEN}\"\nrenewal_event = 'purchase'",
        Some((12, "source.x.renewal_event")),
        "Purchase",
    );
    check(
        "kind = 'json'\nauth = { type = 'bearer', token = \"${TOKEN}\" }\n[[source.rule]]\nevent = 'lead'\nid = 'id'",
        Some((13, "source.x.rule[0].event")),
        "Lead",
    );
}
