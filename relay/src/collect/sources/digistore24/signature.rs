//! The signature of an IPN: SHA-512 over its fields in the order of their names, each followed by the passphrase.
//!
//! As the receiver that Digistore24 offers for download computes it (`sha_sign.php`, read 2026-11-23): empty fields are left
//! out, and a list's entries stand where the list's name does. Some accounts send values with HTML entities that were signed
//! without; so both are tried, as receivers in the field do.

use std::borrow::Cow;

use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::super::Inbound;
use super::super::reading::Denied;
use crate::secret::Secret;

/// Whether the form is signed with the passphrase.
pub(super) fn check(secret: &Secret, request: &Inbound<'_>) -> Result<(), Denied> {
    let (signatures, fields): (Vec<Field<'_>>, Vec<Field<'_>>) =
        request.form().take(MOST_FIELDS).partition(|(name, _)| NAMES.contains(&&**name));
    let sent = signatures.last().map(|(_, signature)| signature.trim().as_bytes());
    let sent = sent.ok_or(Denied::Plain {
        expected: "signed, so nobody can tell who sent it; set a passphrase for the IPN connection",
    })?;
    let parts = parts(fields);
    let fits = |decode: bool| bool::from(sign(secret, &parts, decode).as_bytes().ct_eq(sent));
    if fits(false) || fits(true) { Ok(()) } else { Err(Denied::WrongSignature { key: "secret" }) }
}

type Field<'a> = (Cow<'a, str>, Cow<'a, str>);

/// One signed part: its name as it is written, and its value.
struct Part<'a> {
    name: String,
    value: Cow<'a, str>,
}

/// The parts in the order in which they are signed.
fn parts(fields: Vec<Field<'_>>) -> Vec<Part<'_>> {
    // By the name of the field or list, then in their order; of a field that comes twice the last counts.
    let mut placed: Vec<(String, usize, Field<'_>)> = Vec::new();
    for (place, (name, value)) in fields.into_iter().enumerate() {
        let base = name.split('[').next().unwrap_or_default().to_owned();
        if !name.contains('[') {
            placed.retain(|(_, _, (known, _))| *known != name);
        }
        placed.push((base, place, (name, value)));
    }
    placed.sort_by(|(a, first, _), (b, second, _)| a.cmp(b).then(first.cmp(second)));
    let mut number = 0;
    let mut list = String::new();
    placed
        .into_iter()
        .map(|(base, _, (name, value))| {
            number = if base == list { number + 1 } else { 0 };
            list = base;
            // An entry without a number is given the next one.
            let name =
                name.strip_suffix("[]").map_or_else(|| name.to_string(), |list| format!("{list}[{number}]"));
            Part { name, value }
        })
        .collect()
}

fn sign(secret: &Secret, parts: &[Part<'_>], decode: bool) -> String {
    let mut hash = Sha512::new();
    for Part { name, value } in parts {
        let value = if decode { decoded(value) } else { Zeroizing::new(value.to_string()) };
        if value.is_empty() && !name.contains('[') {
            continue;
        }
        for text in [name.as_str(), "=", value.as_str(), secret.expose()] {
            hash.update(text.as_bytes());
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Without the entities that HTML knows for its own marks.
fn decoded(value: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(value.to_owned());
    for (entity, mark) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#039;", "'"), ("&#39;", "'"), ("&amp;", "&")]
    {
        if text.contains(entity) {
            text = Zeroizing::new(text.replace(entity, mark));
        }
    }
    text
}

/// Fields that hold the signature.
const NAMES: [&str; 2] = ["sha_sign", "SHASIGN"];
/// Most fields of a form that are looked at; Digistore24 sends about 200.
const MOST_FIELDS: usize = 2000;

#[cfg(test)]
mod tests {
    use super::super::super::testing::{headers, webhook};
    use super::*;

    fn judged(body: &str, passphrase: &str) -> Result<(), Denied> {
        let none = headers(&[]);
        check(&Secret::new(passphrase), &webhook(&none, body))
    }

    /// Computed apart from this code, with Python's hashlib.
    const SIGNED: &str = "09C131DD96EA805E7CB03AC585144734CB22A8C3BED34E666BA8B880D4B618A227538CE8D3954B93F292C66ABBC53F3D2A75F023CADAECC15B0F63ADDF2D9F73";
    const FORM: &str = "order_id=ABC123&event=on_payment&empty=&custom=clk_1&amount_brutto=49.00";

    #[test]
    fn a_form_is_signed_whatever_its_order() {
        let wrong = Err(Denied::WrongSignature { key: "secret" });
        for name in NAMES {
            assert_eq!(judged(&format!("{FORM}&{name}={SIGNED}"), "pass"), Ok(()));
        }
        assert_eq!(judged(&format!("sha_sign={SIGNED}&{FORM}&also="), "pass"), Ok(()));
        assert_eq!(
            judged(&format!("order_id=X&sha_sign={SIGNED}&{FORM}"), "pass"),
            Ok(()),
            "the last counts"
        );
        assert_eq!(judged(&format!("{FORM}&sha_sign={SIGNED}"), "Pass"), wrong);
        assert_eq!(judged(&format!("{FORM}&sha_sign={}", SIGNED.to_lowercase()), "pass"), wrong);
        assert_eq!(judged(&format!("{FORM}&sha_sign={SIGNED}&more=1"), "pass"), wrong);
        assert_eq!(judged(&format!("{}&sha_sign={SIGNED}", FORM.replace("49", "4")), "pass"), wrong);
        assert_eq!(judged(&format!("{FORM}&sha_sign="), "pass"), wrong);
        assert!(matches!(judged(FORM, "pass"), Err(Denied::Plain { .. })));
        assert!(matches!(judged("{}", "pass"), Err(Denied::Plain { .. })));
    }

    /// Computed apart from this code as well: lists, names in both cases, entities.
    #[test]
    fn lists_and_entities_are_signed_as_they_are_sent() {
        assert_eq!(judged(LISTS, "s3cret phrase"), Ok(()));
        assert!(judged(&LISTS.replace("%5B%5D", "%5B0%5D"), "s3cret phrase").is_err());
        assert_eq!(judged(ENTITIES, "s3cret phrase"), Ok(()));
    }

    const LISTS: &str = "alpha=%C3%BC&tagsX=1&tags%5B%5D=a&Zeta=2&tags%5B%5D=b&sha_sign=637D05CBE8FBF0824AE1B38BBDE3F5CFFB44D00F6156E7EB2E6F864B110BEFD73FE455F6EA4D1A4504C838396C63E808722556FC79A8548F43E1221B02E9F5F8";
    const ENTITIES: &str = "product_name=Salt+%26amp%3B+Pepper%26%23039%3Bs+%26lt%3Bbest%26gt%3B&event=on_payment&sha_sign=8BD7D8ED7CE9EB26F78EF9EF8D818094E72CC3BDC8FD3AC54FA15294EE68203BC2499A0100B479EDF577C0CFE61ECEBAC7199792904D39FC6F19C9B6AAC46A58";
}
