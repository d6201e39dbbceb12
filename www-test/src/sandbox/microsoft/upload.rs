//! Uploads and adjustments of the Bing Ads API: `POST /CampaignManagement/v13/{call}/Apply`.
//!
//! Rows are refused one by one in `PartialErrors`; credentials refuse the call with a fault.

use serde_json::{Value, json};
use shared::UnixMs;
use shared::time::DAY_MS;

use super::formats::{CLICK_ID, CURRENCY, DIGEST, UTC};
use super::{
    ACCESS, Answer, Arrived, BATCH, Complaint, NO_SUCH_FIELD, POISON, Reply, Taken, body, refused, require,
    trace,
};
use crate::sandbox::fields::{Fault, Shape, check_fields, fault as wrong};

/// Which call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Conversions,
    OnlineAdjustments,
    OfflineAdjustments,
}

/// A field and its shape.
type Field = (&'static str, Shape);

const NAME: Field = ("ConversionName", Shape::Text);
const TIME: Field = ("ConversionTime", Shape::One(UTC));
const CLICK: Field = ("MicrosoftClickId", Shape::One(CLICK_ID));
const EMAIL: Field = ("HashedEmailAddress", Shape::One(DIGEST));
const PHONE: Field = ("HashedPhoneNumber", Shape::One(DIGEST));
const CHANGE: [Field; 4] = [
    ("AdjustmentType", Shape::OneOf(&["Restate", "Retract"])),
    ("AdjustmentTime", Shape::One(UTC)),
    ("AdjustmentValue", Shape::Number),
    ("AdjustmentCurrencyCode", Shape::One(CURRENCY)),
];

const CONVERSION: &[Field] = &[
    NAME,
    TIME,
    CLICK,
    EMAIL,
    PHONE,
    ("ConversionValue", Shape::Number),
    ("ConversionCurrencyCode", Shape::One(CURRENCY)),
    ("ExternalAttributionCredit", Shape::Number),
    ("ExternalAttributionModel", Shape::Text),
];
const ONLINE: &[Field] = &[NAME, ("TransactionId", Shape::Text), CHANGE[0], CHANGE[1], CHANGE[2], CHANGE[3]];
const OFFLINE: &[Field] = &[NAME, TIME, CLICK, EMAIL, PHONE, CHANGE[0], CHANGE[1], CHANGE[2], CHANGE[3]];

/// An id nobody has.
pub(super) const NOBODY: &str = "0";
/// Oldest conversion.
const OLDEST_MS: i64 = 90 * DAY_MS;

impl Kind {
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Conversions, Self::OnlineAdjustments, Self::OfflineAdjustments]
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    /// The call's name, which is also that of its list.
    const fn name(self) -> &'static str {
        match self {
            Self::Conversions => "OfflineConversions",
            Self::OnlineAdjustments => "OnlineConversionAdjustments",
            Self::OfflineAdjustments => "OfflineConversionAdjustments",
        }
    }

    fn table(self) -> &'static [Field] {
        match self {
            Self::Conversions => CONVERSION,
            Self::OnlineAdjustments => ONLINE,
            Self::OfflineAdjustments => OFFLINE,
        }
    }
}

/// What it says to a request.
pub(super) fn answer(request: &Arrived, kind: Kind, now: UnixMs) -> Answer {
    let Some(token) = request.bearer().filter(|token| token.starts_with(ACCESS)) else {
        let reply = fault(401, 105, "InvalidCredentials", request);
        return refused(reply, "authorization: must be an access token");
    };
    debug_assert!(!token.is_empty(), "it has a beginning");
    let header = |name: &str| request.header(name).unwrap_or_default();
    if matches!(header("developertoken"), "" | "unknown") {
        return refused(fault(401, 105, "InvalidCredentials", request), "developertoken: missing or unknown");
    }
    let id = |name: &str| {
        let text = header(name);
        !text.is_empty() && text != NOBODY && text.bytes().all(|b| b.is_ascii_digit())
    };
    if let Some(name) = ["customerid", "customeraccountid"].into_iter().find(|name| !id(name)) {
        let reply = fault(400, 106, "UserIsNotAuthorized", request);
        return refused(reply, format!("{name}: must be an id, digits only"));
    }
    let rows = match body(request).and_then(|body| rows(&body, kind)) {
        Ok(rows) => rows,
        Err(wrong) => return refused(fault(400, 1_001, "InvalidRequest", request), wrong.to_string()),
    };
    let checked: Vec<_> = rows.iter().map(|row| check(row, kind, now)).collect();
    let failed: Vec<(usize, &Fault, &str)> = checked
        .iter()
        .enumerate()
        .filter_map(|(index, checked)| checked.as_ref().err().map(|(wrong, code)| (index, wrong, *code)))
        .collect();
    if let Some((index, wrong, _)) = failed.iter().find(|(_, wrong, _)| wrong.rule == NO_SUCH_FIELD) {
        return refused(
            fault(400, 1_001, "InvalidRequest", request),
            format!("{}[{index}].{wrong}", kind.name()),
        );
    }
    let errors: Vec<Value> =
        failed.iter().map(|(index, wrong, code)| row_error(*index, code, &wrong.field, wrong.rule)).collect();
    let good = rows.iter().zip(&checked).filter(|(_, checked)| checked.is_ok());
    let events = good.map(|(row, _)| taken(row, kind)).collect();
    Answer::Took { reply: Reply::json(200, &json!({ "PartialErrors": errors })), events }
}

/// The words of the Bing Ads API.
pub(super) fn complain(complaint: Complaint, request: &Arrived) -> Reply {
    match complaint {
        Complaint::TooManyRequests { retry_after_s } => {
            fault(429, 117, "CallRateExceeded", request).with("retry-after", retry_after_s.to_string())
        }
        Complaint::Throttled => fault(400, 117, "CallRateExceeded", request),
        Complaint::ServerError { status } => Reply::empty(status),
        Complaint::Transient => fault(500, 0, "InternalError", request),
        Complaint::TokenExpired => fault(401, 109, "AuthenticationTokenExpired", request),
        Complaint::Poisoned { .. } => {
            let body = request.json().unwrap_or_default();
            let lists = body.as_object().into_iter().flatten().filter_map(|(_, list)| list.as_array());
            let rows = lists.flatten().enumerate();
            let poisoned = rows
                .filter(|(_, row)| row["TransactionId"].as_str().is_some_and(|id| id.starts_with(POISON)));
            let errors: Vec<Value> = poisoned
                .map(|(index, _)| {
                    row_error(index, "OfflineConversionAdjustmentInvalid", "TransactionId", "refused")
                })
                .collect();
            Reply::json(
                400,
                &json!({ "TrackingId": trace(request), "BatchErrors": errors, "OperationErrors": [] }),
            )
        }
    }
}

fn rows(body: &Value, kind: Kind) -> Result<Vec<Value>, Fault> {
    let list = body[kind.name()].as_array().ok_or_else(|| wrong(kind.name(), "must be a list"))?;
    if list.is_empty() || list.len() > BATCH {
        return Err(wrong(kind.name(), "must hold 1 to 1000 rows"));
    }
    match body.as_object().into_iter().flatten().find(|(name, _)| *name != kind.name()) {
        Some((name, _)) => Err(wrong(name.clone(), NO_SUCH_FIELD)),
        None => Ok(list.clone()),
    }
}

/// What is wrong with a row, and Microsoft's word for it.
fn check(row: &Value, kind: Kind, now: UnixMs) -> Result<(), (Fault, &'static str)> {
    check_fields("", row, kind.table(), true).map_err(|wrong| {
        let code = code(&wrong.field);
        (wrong, code)
    })?;
    let needed: &[&str] = match kind {
        Kind::Conversions => &["ConversionName", "ConversionTime"],
        Kind::OnlineAdjustments => &["ConversionName", "TransactionId", "AdjustmentType", "AdjustmentTime"],
        Kind::OfflineAdjustments => &["ConversionName", "ConversionTime", "AdjustmentType", "AdjustmentTime"],
    };
    require("", row, needed).map_err(|wrong| (wrong, "OfflineConversionNameInvalid"))?;
    let someone = ["MicrosoftClickId", "HashedEmailAddress", "HashedPhoneNumber", "TransactionId"];
    if !someone.iter().any(|name| row.get(name).is_some()) {
        return Err((wrong("MicrosoftClickId", "missing"), "OfflineConversionMSClickIdNullOrEmpty"));
    }
    check_times(row, now)?;
    check_goal(row)?;
    let has = |name: &str| row.get(name).is_some();
    let (value, currency, wanted) = match kind {
        Kind::Conversions => (has("ConversionValue"), has("ConversionCurrencyCode"), has("ConversionValue")),
        Kind::OnlineAdjustments | Kind::OfflineAdjustments => {
            (has("AdjustmentValue"), has("AdjustmentCurrencyCode"), row["AdjustmentType"] == "Restate")
        }
    };
    if value != wanted || currency != wanted {
        let wrong = wrong("AdjustmentValue", "goes with its currency, and with Restate alone");
        return Err((wrong, "OfflineConversionAdjustmentValueInvalid"));
    }
    Ok(())
}

fn check_times(row: &Value, now: UnixMs) -> Result<(), (Fault, &'static str)> {
    let time = |name: &str| row[name].as_str().and_then(UnixMs::parse_rfc3339);
    for name in ["ConversionTime", "AdjustmentTime"] {
        let age_ms = time(name).map_or(0, |time| now.since(time));
        if age_ms < 0 {
            return Err((wrong(name, "lies in the future"), "FutureConversionTimeCannotBeSet"));
        }
        if age_ms > OLDEST_MS {
            return Err((wrong(name, "too old"), "OfflineConversionTimeOutOfWindow"));
        }
    }
    match (time("ConversionTime"), time("AdjustmentTime")) {
        (Some(converted), Some(adjusted)) if adjusted < converted => {
            Err((wrong("AdjustmentTime", "before the conversion"), "OfflineConversionAdjustmentTimeInvalid"))
        }
        _ => Ok(()),
    }
}

/// Goals are known by their names here: a new one begins with `New`, one without enhanced conversions with `Plain`.
fn check_goal(row: &Value) -> Result<(), (Fault, &'static str)> {
    let goal = row["ConversionName"].as_str().unwrap_or_default();
    let hashed = ["HashedEmailAddress", "HashedPhoneNumber"].iter().any(|name| row.get(name).is_some());
    if goal.starts_with("New ") {
        return Err((wrong("ConversionName", "too new a goal"), "OfflineConversionGoalTooRecent"));
    }
    if goal.starts_with("Plain ") && hashed {
        let rule = "the goal takes click ids only";
        return Err((wrong("ConversionName", rule), "NotEligibleForEnhancedConversions"));
    }
    Ok(())
}

/// Microsoft's word for a field that is wrong.
fn code(field: &str) -> &'static str {
    match field {
        "MicrosoftClickId" => "OfflineConversionMSClickIdInvalid",
        "HashedEmailAddress" => "ConversionEmailAddressIsNotHashed",
        "HashedPhoneNumber" => "ConversionPhoneNumberIsNotHashed",
        "ConversionValue" => "OfflineConversionValueInvalid",
        "ConversionCurrencyCode" => "OfflineConversionCurrencyCodeInvalid",
        "ConversionTime" => "OfflineConversionTimeInvalid",
        "ConversionName" => "OfflineConversionNameInvalid",
        _ => "OfflineConversionAdjustmentInvalid",
    }
}

/// How Microsoft tells a row from others: goal, person and time; an adjustment by what it changes and when.
fn taken(row: &Value, kind: Kind) -> Taken {
    let field = |name: &str| row[name].as_str();
    let person = ["TransactionId", "MicrosoftClickId", "HashedEmailAddress", "HashedPhoneNumber"];
    let id = person.into_iter().find_map(field).unwrap_or_default().to_owned();
    let parts = ["ConversionName", "ConversionTime", "AdjustmentType", "AdjustmentTime"];
    let parts: Vec<&str> = parts.into_iter().map(|name| field(name).unwrap_or_default()).collect();
    let key = format!("{}\0{id}\0{}", kind.name(), parts.join("\0"));
    Taken { key, name: field("ConversionName").unwrap_or_default().to_owned(), id }
}

fn row_error(index: usize, code: &str, field: &str, rule: &str) -> Value {
    json!({ "Index": index, "Code": 5_000, "ErrorCode": code, "FieldPath": field, "Message": rule, "Details": null,
            "Type": "BatchError" })
}

/// A fault of the whole call.
fn fault(status: u16, code: u32, name: &str, request: &Arrived) -> Reply {
    let error = json!({ "Code": code, "ErrorCode": name, "Message": "the call was refused", "Detail": null });
    Reply::json(
        status,
        &json!({ "TrackingId": trace(request), "Type": "AdApiFaultDetail", "Errors": [error] }),
    )
}
