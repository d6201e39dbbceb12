//! How far a conversion has got: what counts, what waits, what is taken back, and of what the log tells.

use super::*;
use crate::orders::ONLY_IF_REPORTED;

#[test]
fn a_status_says_whether_it_counts() {
    let sale = |status: &str| format!("txid=1&payout=5&currency=EUR&status={status}");
    for counts in ["approved", "Confirmed", "pending", "PAID", "success", "Completed", "{status}", ""] {
        check("", &sale(counts), "Purchase 5 EUR");
    }
    check("pending = 'wait'", &sale("pending"), "pending; it counts once it is approved");
    check("pending = 'wait'", &sale("approved"), "Purchase 5 EUR");
    check("", &sale("rejected"), "Refund - EUR");
    check("", &sale("chargeback"), "Refund - EUR");
    check("", "txid=1&event=lead&status=rejected", "rejected; what earned no money is not taken back");
    check("", "payout=5&status=rejected", "taken back, but no transaction id says what");
    let unknown = "its status is none that is known; name it in `statuses`";
    check("", &sale("7"), unknown);
    check("statuses = { 7 = 'approved', 8 = 'ignored' }", &sale("7"), "Purchase 5 EUR");
    check(
        "statuses = { 7 = 'approved', 8 = 'ignored' }",
        &sale("8"),
        "a status of no concern, says `statuses`",
    );
    check(
        "statuses = { approved = 'pending' }\npending = 'wait'",
        &sale("approved"),
        "pending; it counts once it is approved",
    );
    for (status, expected) in
        [("1", "Purchase 5 EUR"), ("2", "Purchase 5 EUR"), ("3", "Refund - EUR"), ("4", unknown)]
    {
        check("network = 'affise'", &sale(status), expected);
    }
    // Binom says there what happened.
    check("network = 'binom'", "clickid=x&txid=1&cnv_status=lead", "Lead - -");
    check("network = 'affise'\nevents = { 1 = 'Lead' }", &sale("1"), "Purchase 5 EUR");
}

#[test]
fn a_rejection_takes_back_only_what_was_reported() {
    let is_marked = |query: &str| {
        let draft = found("", &format!("txid=1&payout=5&currency=EUR&{query}")).draft;
        assert_eq!(draft.event.as_deref(), Some("Refund"));
        draft.properties.custom.contains_key(ONLY_IF_REPORTED)
    };
    assert!(is_marked("status=rejected"), "it may have been pending until then");
    assert!(!is_marked("event=refund"), "money that went back did come");
}

#[test]
fn a_state_is_the_buyers_region_unless_its_word_is_known() {
    let sale = |state: &str| format!("txid=1&payout=5&currency=EUR&state={state}");
    for region in ["CA", "New%20York", "7", "{state}", "CA&state=TX"] {
        check("", &sale(region), "Purchase 5 EUR");
    }
    check("", &sale("rejected"), "Refund - EUR");
    check("", &sale("lead"), "Lead 5 EUR");
    check("", &sale("approved&status=rejected"), "Refund - EUR");
    check("network = 'affise'", &sale("3"), "Refund - EUR");
    check("statuses = { ca = 'rejected' }", &sale("CA"), "Refund - EUR");
    check("events = { ca = 'Subscribe' }", &sale("CA"), "Subscribe 5 EUR");
    let unknown = "its status is none that is known; name it in `statuses`";
    check("parameters = { status = 'state' }", &sale("CA"), unknown);
    let notes = reading("", &format!("{}&atclid={CLICK}", sale("{region}"))).notes;
    assert_eq!(notes, [""; 0], "a placeholder of the region's says nothing of a status");
}

#[test]
fn what_does_not_count_by_mistake_perhaps_is_told_to_the_log() {
    let check = |more: &str, query: &str, expected: bool| {
        let reading = reading(more, query);
        assert_eq!((reading.events.len(), reading.is_odd), (0, expected), "{more} {query}");
    };
    check("", "txid=1&payout=5&status=7", true);
    check("max_value = 100", "txid=1&payout=100.01", true);
    check("statuses = { 7 = 'ignored' }", "txid=1&payout=5&status=7", false);
    check("pending = 'wait'", "txid=1&payout=5&status=pending", false);
    check("events = { ftd = false }", "txid=1&payout=5&event=ftd", false);
}
