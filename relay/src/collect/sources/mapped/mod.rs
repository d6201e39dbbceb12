//! `kind = "json"`: any webhook in JSON, mapped by rules in the configuration. For Zapier, Make, Salesforce and whatever else.
//!
//! A rule says when it applies, which event that is, what its id is and where its fields are; one body may meet several
//! rules and a rule several items. `path`, `pick` and `condition` are its language, `auth` is how the sender shows who it is.
//! What a rule asks for and the body has in a form that cannot be read refuses the event: a wrong amount is worse than none.
//! Automations post forms as well, which are read as an object of texts.

mod auth;
mod condition;
mod constant;
mod one_or_more;
mod path;
mod pick;
mod rule;

use std::collections::BTreeMap;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::form::Form;
use super::reading::{Denied, Reading, Unreadable};
use super::tree::Node;
use super::{Answer, Door, Inbound, Kind, Settings, Settled, Source};
use crate::platform::settings::{Key, SettingError};
use auth::Auth;
use rule::{Map, Rule};

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// The generic source in the registry.
pub const KIND: Kind = Kind { name: "json", door: Door::Webhook, keys: &KEYS, configure };

const KEYS: [Key; 3] = [
    Key::required(
        "auth",
        "how the sender shows who it is: `{ type = \"bearer\", token = \"…\" }`; also `header`, `query`, `basic`, `hmac`, \
         `standard_webhooks`; secret",
    ),
    Key::required(
        "rule",
        "a list of tables `[[source.rule]]`: `when` it applies, `event` or `stage` with `events`, `id`, `each`, `map`, `items`, \
         `properties`, `tokens`",
    ),
    Key::optional(
        "map",
        "fields that all rules have: `{ email = \"contact.email\" }`; a rule's own go before",
    ),
];

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    auth: auth::Written,
    rule: Vec<Rule>,
    #[serde(default)]
    map: Map,
}

/// Ready to judge and to read.
#[derive(Debug)]
struct Mapped {
    auth: Auth,
    rules: Vec<Rule>,
    map: Map,
}

fn configure(own: Settings) -> Result<Box<dyn Source>, SettingError> {
    let Written { auth, rule: rules, map } = own.read()?;
    if rules.is_empty() {
        return Err(SettingError::invalid("rule", "expected at least one `[[source.rule]]`"));
    }
    Ok(Box::new(Mapped { auth: auth.check()?, rules, map }))
}

const NO_FORM: &str = "no rule applies: the body is JSON, but its content type says that it is a form; send it as \
     application/json";

// ── Requests ───────────────────────────────────────────────────────────────────────────────────────────────

impl Source for Mapped {
    fn authenticate(&self, request: &Inbound<'_>) -> Result<(), Denied> {
        self.auth.check(request)
    }

    fn read(&self, request: &Inbound<'_>) -> Result<Reading, Unreadable> {
        match Form::read(request) {
            Some(form) => {
                let fields: BTreeMap<&str, &str> = form.fields().collect();
                let json = Zeroizing::new(serde_json::to_vec(&fields).unwrap_or_default());
                let reading = self.apply(&Node::read(&json)?);
                // `curl -d` says of everything that it is a form, and some automations do, too.
                let is_json = reading.is_odd && Node::read(request.body).is_ok();
                Ok(if is_json { Reading::odd(NO_FORM) } else { reading })
            }
            None => Ok(self.apply(&Node::read(request.body)?)),
        }
    }

    fn query_template(&self) -> Option<String> {
        self.auth.in_address()
    }

    /// Automations stop, or ring for their owner, after failures; what trying again does not mend is answered 200.
    fn answer(&self, settled: &Settled<'_>) -> Answer {
        Answer::forgiving(settled)
    }
}

impl Mapped {
    fn apply(&self, body: &Node<'_>) -> Reading {
        let mut reading = Reading::default();
        for rule in &self.rules {
            rule.apply(body, &self.map, &mut reading);
        }
        let found = !reading.events.is_empty() || !reading.refused.is_empty();
        match reading.ignored {
            // What one rule leaves out is nothing to say where another has found something.
            _ if found => Reading { ignored: None, ..reading },
            Some(_) => reading,
            None => Reading::odd(rule::UNMATCHED),
        }
    }
}

#[cfg(test)]
mod tests;
