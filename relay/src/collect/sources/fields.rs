//! Which of our fields a foreign field is: by its own name where that is one of ours, or as the configuration says.
//!
//! Forms and CRMs carry what they were given under names their users make up: `fields = { q7 = "phone" }` says what such
//! a field is. Our visitor id, click ids and UTM parameters are known by their own names.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use shared::consent::Signal;
use shared::event::Source;
use shared::identity::Field;
use shared::money::Currency;
use shared::{Purpose, click_id, visitor};

use super::manner::{Manner, NO_AMOUNT};
use super::tree::Node;
use super::{Draft, carried};

/// Our field by the sender's name of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Fields(BTreeMap<String, Target>);

/// One of our fields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// What other systems carry along for us under our own names: visitor id, click ids, ad cookies.
    Carried(String),
    /// A UTM parameter, without `utm_`.
    Campaign(String),
    /// Something about the person.
    Person(Field),
    /// The person's whole name.
    FullName,
    /// When it happened.
    Time,
    /// Amount in `currency`.
    Value,
    /// Currency of all amounts.
    Currency,
    /// Order id, from which the event's id then follows.
    OrderId,
    /// Coupon.
    Coupon,
    /// What was searched for.
    SearchTerm,
    /// Tax inside the value.
    Tax,
    /// Shipping inside the value.
    Shipping,
    /// Page address; its click ids count.
    PageUrl,
    /// Referrer of the page.
    Referrer,
    /// The person's address on the net.
    Ip,
    /// The person's browser.
    UserAgent,
    /// The person's language.
    Language,
    /// Channel: `web`, `crm`, `phone` …
    Channel,
    /// An answer about consent.
    Consent(Purpose),
}

impl Fields {
    /// The field of this name, as the configuration says or by the name itself.
    pub(super) fn target(&self, name: &str) -> Option<Cow<'_, Target>> {
        let configured = self.0.get(name).map(Cow::Borrowed);
        configured.or_else(|| Target::carried(name).map(Cow::Owned))
    }

    /// Puts a field into the draft, if it is one of ours.
    pub(super) fn put(&self, name: &str, node: &Node<'_>, draft: &mut Draft) -> Result<(), &'static str> {
        match self.target(name) {
            Some(target) => target.put(node, Manner::default(), draft),
            None => Ok(()),
        }
    }

    /// Puts all fields of a table into the draft.
    pub(super) fn put_all(&self, table: &Node<'_>, draft: &mut Draft) -> Result<(), &'static str> {
        table.pairs().iter().try_for_each(|(name, node)| self.put(name, node, draft))
    }
}

impl Target {
    /// The field of ours that goes by this name in the configuration.
    pub(super) fn named(name: &str) -> Option<Self> {
        let plain = match name {
            "visitor_id" => return Some(Self::Carried(visitor::VISITOR_PROPERTY.to_owned())),
            "full_name" => Self::FullName,
            "time" => Self::Time,
            "value" => Self::Value,
            "currency" => Self::Currency,
            "order_id" => Self::OrderId,
            "coupon" => Self::Coupon,
            "search_term" => Self::SearchTerm,
            "tax" => Self::Tax,
            "shipping" => Self::Shipping,
            "page_url" => Self::PageUrl,
            "referrer" => Self::Referrer,
            "ip" => Self::Ip,
            "user_agent" => Self::UserAgent,
            "language" => Self::Language,
            "source" => Self::Channel,
            "ad_storage" => Self::Consent(Purpose::AdStorage),
            "ad_user_data" => Self::Consent(Purpose::AdUserData),
            "ad_personalization" => Self::Consent(Purpose::AdPersonalization),
            _ => return Field::named(name).map(Self::Person).or_else(|| Self::carried(name)),
        };
        Some(plain)
    }

    /// A field that is known by its own name in every foreign system.
    fn carried(name: &str) -> Option<Self> {
        let bare = name.trim().trim_start_matches('_');
        let ours = bare == visitor::VISITOR_PROPERTY
            || click_id::find(bare).is_some()
            || carried::of_meta(bare).is_some()
            || click_id::wanted_cookie(name.trim());
        match carried::utm_of(bare) {
            Some(utm) => Some(Self::Campaign(utm.to_owned())),
            None => ours.then(|| Self::Carried(name.trim().to_owned())),
        }
    }

    /// As [`put`](Self::put), for what people type into forms: an amount that cannot be read is left out with a note, because
    /// the answer is a conversion all the same.
    pub(super) fn put_typed(
        &self,
        node: &Node<'_>,
        draft: &mut Draft,
        notes: &mut Vec<String>,
    ) -> Result<(), &'static str> {
        match self.put(node, Manner::default(), draft) {
            Err(why) if why == NO_AMOUNT => {
                notes.push(NO_TYPED_AMOUNT.to_owned());
                Ok(())
            }
            put => put,
        }
    }

    /// Puts a value into the draft. What is blank is passed over; what cannot be read, and would make the event
    /// wrong, is named.
    pub(super) fn put(&self, node: &Node<'_>, manner: Manner, draft: &mut Draft) -> Result<(), &'static str> {
        let properties = &mut draft.properties;
        match self {
            Self::Carried(name) => carry(name, node, draft),
            Self::Campaign(name) => {
                let text = node.text().unwrap_or_default();
                carried::campaign_field(name, &text, draft);
            }
            Self::Person(field) => match node.items() {
                [] => draft.user.take(*field, node.personal()),
                // All the addresses there are of one person.
                several => several.iter().for_each(|one| draft.user.take(*field, one.personal())),
            },
            Self::FullName => draft.user.take_name(node.personal()),
            Self::Time => draft.time = manner.time(node)?.or(draft.time),
            Self::Value => properties.value = manner.amount(node)?.or(properties.value),
            Self::Tax => properties.tax = manner.amount(node)?.or(properties.tax),
            Self::Shipping => properties.shipping = manner.amount(node)?.or(properties.shipping),
            Self::Currency => properties.currency = currency(node)?.or(properties.currency),
            Self::OrderId => fill(&mut properties.order_id, node),
            Self::Coupon => fill(&mut properties.coupon, node),
            Self::SearchTerm => fill(&mut properties.search_term, node),
            Self::PageUrl => {
                fill(&mut draft.page.url, node);
                if let Some(url) = node.text() {
                    carried::landing(&url, None, draft);
                }
            }
            Self::Referrer => fill(&mut draft.page.referrer, node),
            Self::Ip => fill(&mut draft.context.ip, node),
            Self::UserAgent => fill(&mut draft.context.user_agent, node),
            Self::Language => fill(&mut draft.context.language, node),
            Self::Channel => draft.source = channel(node)?.or(draft.source),
            Self::Consent(purpose) => answer(*purpose, node, draft)?,
        }
        Ok(())
    }
}

fn fill(slot: &mut Option<String>, node: &Node<'_>) {
    *slot = node.text().or(slot.take());
}

fn carry(name: &str, node: &Node<'_>, draft: &mut Draft) {
    if let Some(text) = node.text() {
        carried::field(name, &text, draft);
    }
}

fn currency(node: &Node<'_>) -> Result<Option<Currency>, &'static str> {
    match node.text() {
        None => Ok(None),
        Some(text) => Currency::parse(&text).map(Some).ok_or("the currency is no ISO 4217 code such as EUR"),
    }
}

fn channel(node: &Node<'_>) -> Result<Option<Source>, &'static str> {
    let source = match node.text().map(|text| text.to_ascii_lowercase()).as_deref() {
        None => return Ok(None),
        Some("web") => Source::Web,
        Some("server") => Source::Server,
        Some("crm") => Source::Crm,
        Some("phone") => Source::Phone,
        Some("store") => Source::Store,
        Some("email") => Source::Email,
        Some("chat") => Source::Chat,
        Some(_) => return Err("the source is none of web, server, crm, phone, store, email and chat"),
    };
    Ok(Some(source))
}

/// An answer about consent. One that is there and says nothing we know is no consent.
fn answer(purpose: Purpose, node: &Node<'_>, draft: &mut Draft) -> Result<(), &'static str> {
    if node.is_blank() {
        return Ok(());
    }
    let yes = || match node.text().map(|text| text.to_ascii_lowercase()).as_deref() {
        Some("granted" | "true" | "yes" | "1") => Some(true),
        Some("denied" | "false" | "no" | "0") => Some(false),
        Some(_) | None => None,
    };
    let yes = node.flag().or_else(yes).ok_or("the consent is neither granted nor denied")?;
    let signal = Some(if yes { Signal::Granted } else { Signal::Denied });
    match purpose {
        Purpose::AdStorage => draft.consent.ad_storage = signal,
        Purpose::AdUserData => draft.consent.ad_user_data = signal,
        Purpose::AdPersonalization => draft.consent.ad_personalization = signal,
    }
    Ok(())
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| D::Error::custom(NO_FIELD))
    }
}

const NO_TYPED_AMOUNT: &str = "an amount is not in the plain form `59.90` and was left out";

/// What belongs where one of our fields is named.
pub(super) const NO_FIELD: &str = "no field of ours; expected one such as `email`, `phone`, `first_name`, `full_name`, `value`, \
     `currency`, `order_id`, `time`, `visitor_id`, a click id or a UTM parameter";

#[cfg(test)]
mod tests {
    use super::*;

    fn drafted(fields: &str, json: &str) -> (Draft, Result<(), &'static str>) {
        let fields: Fields = toml::from_str(fields).expect("a table");
        let mut draft = Draft::default();
        let put = fields.put_all(&Node::read(json.as_bytes()).expect("JSON"), &mut draft);
        (draft, put)
    }

    #[test]
    fn our_names_are_known_and_others_are_not() {
        let (draft, put) = drafted(
            "",
            r#"{"at_vid":"v-1","_gclid":"Cj0-x","atclid":"0123456789abcdefghjkmnpq","_fbp":"fb.1.1700000000000.1",
                "utm_source":"ads","utm_campaign":"mugs","email":"jane@example.com","value":"9","utm_x":"y"}"#,
        );
        assert_eq!(put, Ok(()));
        assert_eq!(draft.visitor_id.as_deref(), Some("v-1"));
        assert_eq!(draft.click_ids.keys().collect::<Vec<_>>(), ["atclid", "gclid"]);
        assert_eq!(draft.cookies.len(), 1);
        let campaign = draft.campaign.expect("a campaign");
        assert_eq!((campaign.source.as_deref(), campaign.name.as_deref()), (Some("ads"), Some("mugs")));
        assert!(draft.user.is_empty() && draft.properties.value.is_none(), "only where somebody says so");
        let (draft, _) =
            drafted("", r#"{"Utm_Source":"ads","mtm_kwd":"cup","pk_campaign":"mugs","mtm_group":"y"}"#);
        let campaign = draft.campaign.expect("a campaign");
        let told = [&campaign.source, &campaign.name, &campaign.term].map(Option::as_deref);
        assert_eq!(told, [Some("ads"), Some("mugs"), Some("cup")]);
    }

    #[test]
    fn the_configuration_says_what_a_field_is() {
        let (draft, put) = drafted(
            "q1 = 'email'\nq2 = 'full_name'\nq3 = 'value'\nq4 = 'currency'\nq5 = 'order_id'\nq6 = 'time'\nq7 = 'gclid'\nq8 = 'ad_user_data'\nq9 = 'source'",
            r#"{"q1":"jane@example.com","q2":"Jane Lovelace","q3":"59.90","q4":"eur","q5":7,"q6":1795435200,"q7":"Cj0-x",
                "q8":"no","q9":"Phone"}"#,
        );
        assert_eq!(put, Ok(()));
        assert_eq!(format!("{:?}", draft.user), "RawUser(3 values)");
        assert_eq!((draft.properties.value, draft.properties.order_id.as_deref()), (Some(59.9), Some("7")));
        assert_eq!(draft.properties.currency, Currency::parse("EUR"));
        assert_eq!(draft.consent.ad_user_data, Some(Signal::Denied));
        assert_eq!((draft.source, draft.click_ids.len()), (Some(Source::Phone), 1));
    }

    #[test]
    fn a_person_may_have_several_addresses() {
        let fields = "a = 'email'\nb = 'phone'";
        let (draft, put) =
            drafted(fields, r#"{"a":["jane@example.com","j@example.com",null,{"x":1}],"b":[]}"#);
        assert_eq!((put, format!("{:?}", draft.user)), (Ok(()), "RawUser(2 values)".to_owned()));
    }

    #[test]
    fn what_would_make_the_event_wrong_is_named() {
        for (field, value, words) in [
            ("value", "\"a lot\"", "no amount"),
            ("time", "\"soon\"", "cannot be read"),
            ("currency", "\"euros\"", "ISO 4217"),
            ("ad_storage", "\"maybe\"", "neither granted nor denied"),
            ("source", "\"pigeon\"", "none of web"),
        ] {
            let (_, put) = drafted(&format!("q = '{field}'"), &format!("{{\"q\":{value}}}"));
            assert!(put.expect_err(field).contains(words));
            let (_, put) = drafted(&format!("q = '{field}'"), "{\"q\":\"\"}");
            assert_eq!(put, Ok(()), "{field}: nothing said is nothing wrong");
        }
    }

    #[test]
    fn an_amount_that_was_typed_and_cannot_be_read_is_left_out() {
        let put = |target: Target, json: &str| {
            let (mut draft, mut notes) = (Draft::default(), Vec::new());
            let body = Node::read(json.as_bytes()).expect("JSON");
            let put = target.put_typed(body.get("q"), &mut draft, &mut notes);
            (put.is_ok(), draft.properties.value, notes.len())
        };
        assert_eq!(put(Target::Value, r#"{"q":"19.90"}"#), (true, Some(19.9), 0));
        assert_eq!(put(Target::Value, r#"{"q":" "}"#), (true, None, 0));
        for amount in ["$19.90", "$1,000.00", "1,000", "19,90", "a lot"] {
            assert_eq!(put(Target::Value, &format!(r#"{{"q":"{amount}"}}"#)), (true, None, 1), "{amount}");
            assert_eq!(put(Target::Tax, &format!(r#"{{"q":"{amount}"}}"#)), (true, None, 1), "{amount}");
        }
        // Everything else is still refused.
        assert_eq!(put(Target::Currency, r#"{"q":"euros"}"#), (false, None, 0));
    }

    #[test]
    fn a_field_we_do_not_have_is_refused_where_it_stands() {
        let error = toml::from_str::<Fields>("a = 'email'\nb = 'e-mail'").expect_err("no such field");
        assert!(error.message().contains("`email`"), "{error}");
        assert!(error.span().is_some_and(|span| span.start == 16), "{error}");
    }
}
