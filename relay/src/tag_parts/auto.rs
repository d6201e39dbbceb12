//! `[site.tag.auto]`: what the tag notices by itself, and which links carry our id along.
//!
//! Owns the switches, the site's own rules for links, and its list of domains. Which network takes the id in which
//! parameter is in `tag/js/parts/auto/networks.js`; here are only the networks' names, so that a rule that names one is
//! checked before a page finds out.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use shared::visitor::{CLICK_TOKEN, VISITOR_PROPERTY};

use super::written::text;
use super::{Part, Settings, told};
use crate::config::written::table;
use crate::platform::{Key, SettingError};

/// The part.
pub(super) const PART: Part = Part {
    name: "auto",
    summary: "reports clicks and forms by itself, writes our id into affiliate links, carries the visitor between domains",
    keys: &[
        Key::optional("outbound", "report clicks that leave the site as OutboundClick; default true"),
        Key::optional("contact", "report clicks on `mailto:`, `tel:` and `sms:` as Contact; default true"),
        Key::optional("forms", "report submitted forms as FormSubmit; default true"),
        Key::optional("attributes", "report what `data-at-event` says; default true"),
        Key::optional("autotag", "write our click token into affiliate links and forms; default true"),
        Key::optional("identify_forms", "hash e-mail and phone number of submitted forms; default false"),
        Key::optional("domains", "the site's own domains, between which the visitor is carried"),
        Key::optional("exclude", "addresses that are neither reported nor written to"),
        Key::optional(
            "rules",
            "`{ address, parameter, network, value }`: links of your own that take our id; value `click` or `visitor`",
        ),
    ],
    configure,
};

/// The table, and what the part is told.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct Own {
    outbound: bool,
    contact: bool,
    forms: bool,
    attributes: bool,
    autotag: bool,
    identify_forms: bool,
    domains: Vec<Host>,
    exclude: Vec<Pattern>,
    rules: Vec<ToldRule>,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            outbound: true,
            contact: true,
            forms: true,
            attributes: true,
            autotag: true,
            identify_forms: false,
            domains: Vec::new(),
            exclude: Vec::new(),
            rules: Vec::new(),
        }
    }
}

/// One of the site's own domains.
#[derive(Serialize)]
struct Host(String);

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a host in lower case such as `shop.example`, which stands for all below it";
        text(deserializer, is_host, expected).map(Self)
    }
}

/// Which addresses are meant.
#[derive(Serialize)]
struct Pattern(String);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected =
            "a host in lower case, perhaps with the beginning of a path, such as `shop.example/go/`";
        text(deserializer, is_pattern, expected).map(Self)
    }
}

/// The parameter that takes our id.
#[derive(Serialize)]
struct Parameter(String);

impl<'de> Deserialize<'de> for Parameter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, is_parameter, "up to 64 letters, digits or `_-.[]`").map(Self)
    }
}

/// A network of the tag's.
#[derive(Serialize)]
struct Network(String);

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if !NETWORKS.contains(&name.as_str()) {
            return Err(D::Error::unknown_variant(&name, &NETWORKS));
        }
        Ok(Self(name))
    }
}

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    address: Pattern,
    parameter: Option<Parameter>,
    network: Option<Network>,
    #[serde(default)]
    value: Id,
}

/// Which id a link takes.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Id {
    /// The click token, which a network hands back with a conversion.
    #[default]
    Click,
    /// The visitor id, which an order carries.
    Visitor,
}

/// A rule as the part is told of it.
#[derive(Serialize)]
struct ToldRule {
    address: Pattern,
    parameter: Option<Parameter>,
    network: Option<Network>,
    visitor: bool,
}

impl<'de> Deserialize<'de> for ToldRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        table(deserializer, told_rule)
    }
}

/// A rule, its parameter filled in unless the network says it.
fn told_rule(rule: Rule) -> Result<ToldRule, &'static str> {
    let visitor = rule.value == Id::Visitor;
    if visitor && rule.network.is_some() {
        return Err("a network takes the id it is for; leave out `value` or `network`");
    }
    let usual = if visitor { VISITOR_PROPERTY } else { CLICK_TOKEN };
    let parameter = rule.parameter.or_else(|| rule.network.is_none().then(|| Parameter(usual.to_owned())));
    Ok(ToldRule { address: rule.address, parameter, network: rule.network, visitor })
}

fn configure(settings: Settings) -> Result<serde_json::Value, SettingError> {
    settings.read::<Own>().map(|own| told(&own))
}

/// A host in lower case, as browsers write it, without scheme, port or wildcard.
fn is_host(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    text.bytes().all(plain) && !text.split('.').any(str::is_empty)
}

/// A host, and perhaps the beginning of a path.
fn is_pattern(text: &str) -> bool {
    let (host, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    is_host(host) && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*')
}

fn is_parameter(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']');
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

/// The networks and checkouts of `networks.js`.
const NETWORKS: [&str; 18] = [
    "everflow",
    "tune",
    "cake",
    "impact",
    "cj",
    "awin",
    "shareasale",
    "clickbank",
    "digistore24",
    "maxbounty",
    "affise",
    "partnerize",
    "rakuten",
    "commissionfactory",
    "buygoods",
    "konnektive",
    "stripe",
    "shopify",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::settings;
    use super::*;
    use crate::collect::sources::postback;

    #[test]
    fn an_empty_table_switches_on_what_reads_no_personal_data() {
        let expected = json!({
            "outbound": true, "contact": true, "forms": true, "attributes": true, "autotag": true,
            "identify_forms": false, "domains": [], "exclude": [], "rules": [],
        });
        assert_eq!(configure(settings("")).expect("no key is required"), expected);
    }

    #[test]
    fn a_rule_is_told_whole() {
        let check = |text: &'static str, expected: serde_json::Value| {
            let told = configure(settings(text)).expect(text);
            assert_eq!(told["rules"], json!([expected]), "{text}");
        };
        check(
            "rules = [{ address = \"shop.example/go/\" }]",
            json!({ "address": "shop.example/go/", "parameter": "atclid", "network": null, "visitor": false }),
        );
        check(
            "rules = [{ address = \"pay.example\", value = \"visitor\" }]",
            json!({ "address": "pay.example", "parameter": "at_vid", "network": null, "visitor": true }),
        );
        check(
            "rules = [{ address = \"go.example\", network = \"cake\" }]",
            json!({ "address": "go.example", "parameter": null, "network": "cake", "visitor": false }),
        );
        check(
            "rules = [{ address = \"go.example\", network = \"cake\", parameter = \"s4\" }]",
            json!({ "address": "go.example", "parameter": "s4", "network": "cake", "visitor": false }),
        );
    }

    #[test]
    fn what_no_link_can_match_is_refused() {
        let check = |text: &'static str, expected: &str| {
            let error = configure(settings(text)).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        };
        check("domains = [\"https://shop.example\"]", "expected a host in lower case such as `shop.example`");
        check("domains = [\"*.shop.example\"]", "expected a host in lower case such as `shop.example`");
        check("domains = [\"Shop.example\"]", "expected a host in lower case such as `shop.example`");
        check("domains = [\"\"]", "expected a host in lower case such as `shop.example`");
        check("exclude = [\"https://a.example/\"]", "such as `shop.example/go/`");
        check("exclude = [\"a.example/go*\"]", "such as `shop.example/go/`");
        check("exclude = [\"/go\"]", "such as `shop.example/go/`");
        check("rules = [{ address = \"a b\" }]", "expected a host");
        check("rules = [{ address = \"a.example\", network = \"nobody\" }]", "expected one of `everflow`");
        check("rules = [{ address = \"a.example\", parameter = \"a=b\" }]", "expected up to 64");
        check("rules = [{ address = \"a.example\", parameter = \"\" }]", "expected up to 64");
        check(
            "rules = [{ address = \"a.example\", network = \"cj\", value = \"visitor\" }]",
            "a network takes",
        );
        check("rules = [{ address = \"a.example\", value = \"order\" }]", "click");
    }

    /// The texts in the rows of the tag's table: a name, hosts, parameters.
    fn rows() -> Vec<[&'static str; 3]> {
        let table = include_str!("../../../tag/js/parts/auto/networks.js");
        let texts = |line: &'static str| {
            let mut texts = line.trim().strip_prefix("row(")?.split('"').skip(1).step_by(2);
            Some([texts.next()?, texts.next()?, texts.next()?])
        };
        table.lines().filter_map(texts).collect()
    }

    #[test]
    fn the_networks_are_those_that_the_tag_knows() {
        let names: Vec<_> = rows().into_iter().map(|[name, ..]| name).collect();
        assert_eq!(names, NETWORKS);
    }

    #[test]
    fn what_the_tag_writes_a_postback_brings_back() {
        let mut held = 0;
        for [name, _, parameters] in rows() {
            let Some(preset) = postback::NETWORKS.iter().find(|preset| preset.name == name) else { continue };
            let mut parameters = parameters.split(' ');
            assert_eq!(parameters.next(), Some(preset.sub_id), "{name}");
            for parameter in parameters {
                let known = preset.spare.iter().any(|(spare, _)| spare.eq_ignore_ascii_case(parameter));
                assert!(known, "{name}: {parameter}");
            }
            held += 1;
        }
        assert!(held > 10, "only {held} networks have a preset");
    }
}
