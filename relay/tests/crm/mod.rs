//! The same for CRMs and forms: a deal won weeks after the click, what counts once, and nothing raw on disk.

use serde_json::{Value, json};

use super::*;

/// A source of every kind of CRM and form.
pub(crate) const SOURCES: &str = r#"
    [[source]]
    name = "hubspot"
    site = "shop"
    kind = "hubspot"
    secret = "made-up-signing-secret"
    fields = { street = "street" }
    [[source]]
    name = "pipedrive"
    site = "shop"
    kind = "pipedrive"
    user = "relay"
    password = "made-up-signing-secret"
    fields = { street = "street" }
    [[source]]
    name = "ghl"
    site = "shop"
    kind = "gohighlevel"
    location = "loc1"
    token = "made-up-signing-secret"
    [[source]]
    name = "calendly"
    site = "shop"
    kind = "calendly"
    secret = "made-up-signing-secret"
    fields = { "Where?" = "street" }
    [[source]]
    name = "typeform"
    site = "shop"
    kind = "typeform"
    secret = "made-up-signing-secret"
    fields = { who = "full_name", where = "street" }
    [[source]]
    name = "jotform"
    site = "shop"
    kind = "jotform"
    token = "made-up-signing-secret"
    [[source]]
    name = "zap"
    site = "shop"
    kind = "json"
    auth = { type = "bearer", token = "made-up-signing-secret" }
    [[source.rule]]
    event = "Lead"
    id = "id"
    map = { email = "mail", phone = "tel", full_name = "who", street = "where" }
    properties = { note = "mail" }
"#;

async fn hubspot(relay: &Running, record: &Value) -> Answer {
    let (body, time) = (record.to_string(), relay::clock::now().0.to_string());
    let uri = "https://t.shop.example/v1/webhook/hubspot";
    let signature = STANDARD.encode(mac(&[b"POST", uri.as_bytes(), body.as_bytes(), time.as_bytes()]));
    let headers = format!("x-hubspot-signature-v3: {signature}\r\nx-hubspot-request-timestamp: {time}\r\n");
    relay.post("/v1/webhook/hubspot", &headers, &body).await
}

async fn calendly(relay: &Running, body: &Value) -> Answer {
    let (body, time) = (body.to_string(), relay::clock::now().seconds().to_string());
    let v1: String =
        mac(&[time.as_bytes(), b".", body.as_bytes()]).iter().map(|byte| format!("{byte:02x}")).collect();
    let headers = format!("calendly-webhook-signature: t={time},v1={v1}\r\n");
    relay.post("/v1/webhook/calendly", &headers, &body).await
}

async fn typeform(relay: &Running, body: &Value) -> Answer {
    let body = body.to_string();
    let signature = STANDARD.encode(mac(&[body.as_bytes()]));
    relay.post("/v1/webhook/typeform", &format!("typeform-signature: sha256={signature}\r\n"), &body).await
}

async fn pipedrive(relay: &Running, body: &Value) -> Answer {
    let login = STANDARD.encode(format!("relay:{SECRET}"));
    relay.post("/v1/webhook/pipedrive", &format!("authorization: Basic {login}\r\n"), &body.to_string()).await
}

async fn bearing(relay: &Running, source: &str, body: &Value) -> Answer {
    let headers = format!("authorization: Bearer {SECRET}\r\n");
    relay.post(&format!("/v1/webhook/{source}"), &headers, &body.to_string()).await
}

async fn jotform(relay: &Running, answers: &Value) -> Answer {
    let part = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let pretty = part("pretty", "Name:Jane Lovelace, E-mail:jane.doe@example.com");
    let body =
        [part("submissionID", "58"), pretty, part("rawRequest", &answers.to_string()), "--b--".to_owned()];
    let headers = "content-type: multipart/form-data; boundary=b\r\n";
    relay.post(&format!("/v1/webhook/jotform?token={SECRET}"), headers, &body.concat()).await
}

#[tokio::test]
async fn a_deal_finds_the_click_of_its_person() {
    let relay = start("").await;
    let landing = format!(
        r#"[{{"event":"PageView","visitor_id":"{VISITOR}","page":{{"url":"https://shop.example/?gclid=Cj0-made-up"}}}}]"#
    );
    assert_eq!(relay.page(&landing).await.status, 202);
    // The form carries the visitor; the person's webhook ties both, the deal knows only the person.
    let person = json!({ "meta": { "action": "create", "entity": "person", "company_id": 3 }, "data": { "id": 44,
        "emails": [{ "value": "jane.doe@example.com" }], "at_vid": VISITOR } });
    assert_eq!(pipedrive(&relay, &person).await.status, 200);
    let deal = |before: &str| {
        json!({ "meta": { "action": "change", "entity": "deal", "company_id": 3 },
        "data": { "id": 91, "status": "won", "value": 5000, "currency": "EUR", "person_id": 44 },
        "previous": { "status": before } })
    };
    for before in ["open", "lost", "open"] {
        let answer = pipedrive(&relay, &deal(before)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "OK"));
    }
    // The same person's deal in another CRM knows the e-mail address only.
    let record = json!({ "objectId": 7, "dealstage": "closedwon", "amount": "10", "deal_currency_code": "EUR",
        "email": "JANE.DOE@example.com" });
    assert_eq!(hubspot(&relay, &record).await.status, 200);
    // The app's own webhook names the portal, which the workflow did not: the deal is the same.
    let change = json!([{ "subscriptionType": "deal.propertyChange", "portalId": 62515, "objectId": 7,
        "propertyName": "dealstage", "propertyValue": "closedwon", "occurredAt": relay::clock::now().0 }]);
    assert_eq!(hubspot(&relay, &change).await.status, 200);
    let events = log(relay.stop().await.path());
    let ids: Vec<&str> = events.iter().filter_map(|event| event["event_id"].as_str()).skip(1).collect();
    assert_eq!(
        ids,
        ["Lead-pipedrive-3-person-44", "Purchase-pipedrive-3-deal-91", "Purchase-hubspot-deal-7"]
    );
    for event in &events[1..] {
        assert_eq!(event["click_ids"]["gclid"]["value"], "Cj0-made-up", "{event}");
        assert_eq!((&event["visitor_id"], &event["source"]), (&json!(VISITOR), &json!("crm")));
    }
}

/// A CRM keeps the click with which a contact began; the visitor may have come by another ad since.
#[tokio::test]
async fn a_click_that_a_crm_has_kept_counts_where_nothing_newer_is_known() {
    let relay = start("").await;
    let land = async |visitor: &str, query: &str| {
        let page = format!(
            r#"[{{"event":"PageView","visitor_id":"{visitor}","page":{{"url":"https://shop.example/?{query}"}}}}]"#
        );
        assert_eq!(relay.page(&page).await.status, 202);
    };
    let other = VISITOR.replace('f', "e");
    land(VISITOR, "gclid=Cj0-newer&ttclid=E.C.P.newer").await;
    // A label is no click.
    land(&other, "gad_source=1").await;
    for (id, visitor) in [(1, VISITOR), (2, other.as_str())] {
        let contact = json!({ "vid": id, "at_vid": visitor, "hs_google_click_id": "Cj0-kept",
            "ttclid": "E.C.P.kept" });
        assert_eq!(hubspot(&relay, &contact).await.status, 200);
    }
    let events = log(relay.stop().await.path());
    for (param, expected) in [("gclid", ["Cj0-newer", "Cj0-kept"]), ("ttclid", ["E.C.P.newer", "E.C.P.kept"])]
    {
        let clicks: Vec<&str> =
            events[2..].iter().filter_map(|lead| lead["click_ids"][param]["value"].as_str()).collect();
        assert_eq!(clicks, expected);
    }
}

#[tokio::test]
async fn a_booking_of_page_and_webhook_is_one() {
    let relay = start("").await;
    let booking = json!({ "event": "invitee.created", "created_at": relay::clock::now().rfc3339(),
        "payload": { "uri": "https://api.calendly.com/scheduled_events/E/invitees/I-1", "email": "jane.doe@example.com" } });
    let copy = r#"[{"event":"Schedule","event_id":"Schedule-I-1"}]"#;
    assert_eq!(relay.page(copy).await.json()["accepted"], 1);
    assert_eq!(calendly(&relay, &booking).await.status, 200);
    assert_eq!(calendly(&relay, &booking).await.status, 200);
    assert_eq!(log(relay.stop().await.path()).len(), 1);
}

#[tokio::test]
async fn nobody_gets_in_without_a_secret() {
    let relay = start("").await;
    for source in ["hubspot", "pipedrive", "ghl", "calendly", "typeform", "jotform", "zap"] {
        let answer = relay.post(&format!("/v1/webhook/{source}"), "authorization: Bearer no\r\n", "{}").await;
        assert_eq!(answer.status, 401, "{source}: {answer:?}");
    }
    assert!(log(relay.stop().await.path()).is_empty());
}

/// One event of each source, with everything about a person that it can hold.
pub(crate) async fn report_a_person(relay: &Running) {
    let (mail, tel, street) = ("jane.doe@example.com", "+12025550123", "12 Main Street");
    let now = relay::clock::now().rfc3339();
    let answers = [
        hubspot(relay, &json!({ "vid": 1, "email": mail, "phone": tel, "firstname": "Jane", "lastname": "Lovelace",
            "address": street, "note": mail }))
        .await,
        pipedrive(relay, &json!({ "meta": { "action": "create", "entity": "person" }, "data": { "id": 1, "name": "Jane Lovelace",
            "first_name": "Jane", "last_name": "Lovelace", "emails": [{ "value": mail }], "phones": [{ "value": tel }],
            "street": street } }))
        .await,
        bearing(relay, "ghl", &json!({ "contact_id": "c", "full_name": "Jane Lovelace", "email": mail, "phone": tel,
            "address1": street, "customData": { "note": mail } }))
        .await,
        calendly(relay, &json!({ "event": "invitee.created", "created_at": now, "payload": { "uri": "x/i", "email": mail,
            "name": "Jane Lovelace", "text_reminder_number": tel,
            "questions_and_answers": [{ "question": "Where?", "answer": street }], "tracking": { "utm_term": mail } } }))
        .await,
        typeform(relay, &json!({ "event_type": "form_response", "form_response": { "token": "t", "submitted_at": now,
            "hidden": { "email": mail, "at_vid": mail }, "answers": [
                { "type": "phone_number", "phone_number": tel, "field": { "ref": "tel" } },
                { "type": "text", "text": "Jane Lovelace", "field": { "ref": "who" } },
                { "type": "text", "text": street, "field": { "ref": "where" } }] } }))
        .await,
        jotform(relay, &json!({ "q1_name": { "first": "Jane", "last": "Lovelace" }, "q2_email": mail,
            "q3_phone": { "full": tel }, "q4_address": { "addr_line1": street }, "q5_at_vid": mail }))
        .await,
        bearing(relay, "zap", &json!({ "id": "z", "mail": mail, "tel": tel, "who": "Jane Lovelace", "where": street })).await,
    ];
    for answer in answers {
        assert_eq!((answer.status, answer.body.as_str()), (200, "OK"));
    }
}

/// How many events that makes.
pub(crate) const REPORTED: usize = 7;
