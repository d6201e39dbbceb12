//! `uploadConversionAdjustments`: retractions and restatements, row by row.
//!
//! Facts: "Upload conversion adjustments" and "Partial failures" of the Google Ads API. A row whose order id begins with
//! [`LATER`](super::LATER) fails for the reason it names.

use serde_json::{Value, json};

use super::super::exchange::{Answer, Arrived, Reply, Taken};
use super::super::fields::{Like, Shape, check_fields, fault, join};
use super::Error;
use super::status::LATER;

/// Versions in use on 2026-11-23.
const VERSIONS: [&str; 4] = ["v23", "v24", "v25", "v26"];
const BATCH: usize = 2_000;

const ENVELOPE: &[(&str, Shape)] =
    &[("conversionAdjustments", Shape::List), ("partialFailure", Shape::Flag), ("validateOnly", Shape::Flag)];
const TIME: Shape =
    Shape::One(Like { passes: is_time, rule: "must be yyyy-mm-dd hh:mm:ss+hh:mm", code: None });
const ADJUSTMENT: &[(&str, Shape)] = &[
    ("conversionAction", Shape::Text),
    ("adjustmentType", Shape::OneOf(&["RETRACTION", "RESTATEMENT"])),
    ("orderId", Shape::Text),
    ("adjustmentDateTime", TIME),
    ("restatementValue", Shape::Object),
];
const RESTATEMENT: &[(&str, Shape)] = &[("adjustedValue", Shape::Number), ("currencyCode", Shape::Currency)];

/// Takes the rows that are right and names the others.
pub(super) fn take(request: &Arrived, body: &Value, version: &str, customer: &str) -> Result<Answer, Error> {
    if !VERSIONS.contains(&version) || customer.len() != 10 {
        return Err(Error::not_found("version or customer: not in use"));
    }
    let login = request.header("login-customer-id");
    if login.is_some_and(|id| id.len() != 10 || !id.bytes().all(|b| b.is_ascii_digit())) {
        return Err(Error::invalid(fault("login-customer-id", "must be ten digits")));
    }
    check_fields("", body, ENVELOPE, true).map_err(Error::invalid)?;
    if body["partialFailure"] != true {
        return Err(Error::invalid(fault("partialFailure", "must be true")));
    }
    let rows = body["conversionAdjustments"].as_array().map(Vec::as_slice).unwrap_or_default();
    if rows.is_empty() || rows.len() > BATCH {
        return Err(Error::invalid(fault("conversionAdjustments", "must hold 1 to 2000 adjustments")));
    }
    let (mut taken, mut results, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for (index, row) in rows.iter().enumerate() {
        check(&format!("conversionAdjustments[{index}]"), row, customer)?;
        let id = row["orderId"].as_str().unwrap_or_default();
        match id.strip_prefix(LATER).and_then(|rest| rest.split_once(':')) {
            Some((reason, _)) => {
                results.push(json!({}));
                errors.push(error(index, reason));
            }
            None => {
                results.push(json!({ "orderId": id, "adjustmentType": row["adjustmentType"] }));
                let kind = row["adjustmentType"].as_str().unwrap_or_default();
                let id = id.to_owned();
                taken.push(Taken { key: format!("adjusted\0{id}"), name: kind.to_owned(), id });
            }
        }
    }
    let mut reply = json!({ "results": results });
    if !errors.is_empty() {
        let kind = format!("type.googleapis.com/google.ads.googleads.{version}.errors.GoogleAdsFailure");
        reply["partialFailureError"] = json!({ "code": 3, "message": "Multiple errors in ‘details’.",
            "details": [{ "@type": kind, "errors": errors, "requestId": format!("ads-{}", request.number) }] });
    }
    Ok(Answer::Took { reply: Reply::json(200, &reply), events: taken })
}

fn error(index: usize, reason: &str) -> Value {
    json!({ "errorCode": { "conversionAdjustmentUploadError": reason }, "message": "The adjustment cannot be made.",
        "location": { "fieldPathElements": [{ "fieldName": "conversion_adjustments", "index": index }] } })
}

fn check(path: &str, row: &Value, customer: &str) -> Result<(), Error> {
    check_fields(path, row, ADJUSTMENT, true).map_err(Error::invalid)?;
    for required in ["conversionAction", "adjustmentType", "orderId", "adjustmentDateTime"] {
        if row.get(required).is_none() {
            return Err(Error::missing(join(path, required)));
        }
    }
    let action = row["conversionAction"].as_str().unwrap_or_default();
    let id = action.strip_prefix(&format!("customers/{customer}/conversionActions/"));
    if !id.is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit())) {
        return Err(Error::invalid(fault(
            join(path, "conversionAction"),
            "must be an action of this customer",
        )));
    }
    let restated = row["adjustmentType"] == "RESTATEMENT";
    let path = join(path, "restatementValue");
    match row.get("restatementValue") {
        Some(value) if restated => check_fields(&path, value, RESTATEMENT, true).map_err(Error::invalid),
        None if !restated => Ok(()),
        Some(_) | None => Err(Error::invalid(fault(path, "must be there for a restatement, and only there"))),
    }
}

/// `2026-11-20 15:05:09+01:00`.
fn is_time(text: &str) -> bool {
    text.len() == 25 && text.as_bytes()[10] == b' ' && shared::UnixMs::parse_rfc3339(text).is_some()
}
