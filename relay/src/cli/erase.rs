//! `erase`: removes a person everywhere, by visitor id or by what they are known by.

use std::io::Read;

use clap::Args;
use shared::identity::{Field, Raw};
use shared::{UserData, event_id};

use super::store::{StoreCommandError, carry_out, sites};
use crate::admin::order::{Order, Report};
use crate::attribute;
use crate::config::Config;
use crate::store::Erased;

/// Who is meant.
#[derive(Args, Debug)]
#[group(skip)]
pub(super) struct Who {
    /// Only at this site [default: all]
    #[arg(long, value_name = "KEY")]
    site: Option<String>,
    /// A visitor id (cookie `_at_vid`)
    #[arg(long, value_name = "ID")]
    visitor: Option<String>,
    /// An e-mail address; `-` reads it from standard input, which keeps it out of the shell's history
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// A phone number
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
    /// The site's own id of the person
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Country of a phone number without country code, such as GB
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
}

/// Removes the person; what was erased, in words.
pub(super) fn run(config: &Config, who: &Who) -> Result<String, StoreCommandError> {
    let mut user = UserData::default();
    let known = [
        ("--email", Field::Email, &who.email, "a whole address, such as name@example.com"),
        ("--phone", Field::Phone, &who.phone, "a number with + and country code, or --country"),
        ("--external-id", Field::ExternalId, &who.external_id, "the id that the site's events name"),
    ];
    for (option, field, value, expected) in known {
        let Some(value) = value else { continue };
        let value = if value == "-" { &input()? } else { value };
        if !user.add_raw(field, &Raw::new(value.trim()), who.country.as_deref()) {
            return Err(StoreCommandError::Unusable { option, expected });
        }
    }
    if who.visitor.as_deref().is_some_and(|id| !event_id::valid_token(id)) {
        return Err(StoreCommandError::Nothing(
            "--visitor: expected the value of the cookie `_at_vid`: letters, digits, `-`, `_` and `.`",
        ));
    }
    let mut person = attribute::person(&user);
    person.visitors.extend(who.visitor.clone());
    if person.visitors.is_empty() && person.digests.is_empty() {
        return Err(StoreCommandError::Nothing(
            "name the person: --visitor, --email, --phone or --external-id",
        ));
    }
    let orders = sites(config, who.site.as_deref())?
        .into_iter()
        .map(|site| Ok(Order::Erase { site, person: person.clone() }));
    let mut all = Erased::default();
    carry_out(config, orders, |report| {
        if let Report::Erased(Erased { visitors, events }) = report {
            all.visitors += visitors;
            all.events += events;
        }
    })?;
    Ok(format!(
        "erased: {} and {}",
        super::counted64(all.visitors, "visitor"),
        super::counted64(all.events, "event")
    ))
}

fn input() -> Result<String, StoreCommandError> {
    let mut text = String::new();
    std::io::stdin().lock().take(LONGEST_INPUT).read_to_string(&mut text)?;
    Ok(text)
}

/// No address is longer.
const LONGEST_INPUT: u64 = 4096;
