//! A name under which something comes, and where it is believed to mean that.
//!
//! JSON nests what it tells: of the conversion, of the buyer, of a device. `payout` is the conversion's wherever it stands;
//! `type` or `value` is so only at the top or in an object that is the conversion as a whole, unless the operator or the
//! network's preset says that this is the name.

use super::fields::key;
use super::meaning::Meaning;

/// A name by which parameters are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    key: String,
    trust: Trust,
}

/// Where a name means what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// Wherever it stands.
    Anywhere,
    /// Only at the top.
    AtTop,
    /// Only at the top, and only with a word that is known.
    AtTopIfKnown,
}

impl Name {
    /// A name that the operator or a preset gives.
    pub(super) fn given(name: &str) -> Self {
        Self { key: key(name), trust: Trust::Anywhere }
    }

    /// A name by custom.
    pub(super) fn customary(meaning: Meaning, name: &str) -> Self {
        // A click token of ours is known by its looks, whatever it stands in.
        let is_ambiguous = meaning != Meaning::ClickId && OF_MANY_THINGS.contains(&name);
        let trust = if meaning == Meaning::Status && name == REGION {
            Trust::AtTopIfKnown
        } else if is_ambiguous {
            Trust::AtTop
        } else {
            Trust::Anywhere
        };
        Self { key: key(name), trust }
    }

    /// Whether a parameter is one of this name. `path` is what it is called, as it is compared; inside JSON with dots.
    pub(super) fn fits(&self, path: &str) -> bool {
        let Some((objects, last)) = path.rsplit_once('.') else { return path == self.key };
        let is_at_top = || objects.split('.').all(|object| WRAPPERS.contains(&object));
        path == self.key || (last == self.key && (self.trust == Trust::Anywhere || is_at_top()))
    }

    /// Whether it is this name, as it is compared.
    pub(super) fn is(&self, key: &str) -> bool {
        self.key == key
    }

    /// Whether it means this with any value, and not only with a word that is known.
    pub(super) fn is_sure(&self) -> bool {
        self.trust != Trust::AtTopIfKnown
    }
}

/// Names that foreign objects have, too: a device has a `type`, a cart has a `value`, a company has a `revenue`.
const OF_MANY_THINGS: [&str; 22] = [
    "status",
    "event",
    "event_type",
    "type",
    "goal",
    "offer",
    "revenue",
    "sum",
    "amount",
    "value",
    "price",
    "rate",
    "total",
    "delta",
    "cur",
    "time",
    "ts",
    "timestamp",
    "datetime",
    "tid",
    "ref",
    "external_id",
];

/// What a status is called in some places, and the buyer's region in as many.
const REGION: &str = "state";

/// Objects around all of a conversion, by key: what stands in them stands at the top.
const WRAPPERS: [&str; 7] =
    ["data", "conversion", "action", "payload", "postback", "attributes", "transaction"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_many_things_is_looked_for_at_the_top_only() {
        let check = |meaning, name: &str, paths: &[&str], expected: bool| {
            let name = Name::customary(meaning, name);
            for path in paths {
                assert_eq!(name.fits(path), expected, "{name:?} {path}");
            }
        };
        check(
            Meaning::Event,
            "type",
            &["type", "data.type", "data.attributes.type", "conversion.type"],
            true,
        );
        check(
            Meaning::Event,
            "type",
            &["device.type", "data.device.type", "device.data.type", "types"],
            false,
        );
        check(Meaning::Status, "state", &["state", "data.state"], true);
        check(Meaning::Status, "state", &["customer.state"], false);
        check(Meaning::Payout, "payout", &["payout", "deep.payout", "a.b.payout"], true);
        check(Meaning::Payout, "payout", &["payout.deep", "deeppayout", ""], false);
        check(Meaning::ClickId, "tid", &["tid", "link.tid"], true);
        check(Meaning::TransactionId, "tid", &["link.tid"], false);
    }

    #[test]
    fn a_name_that_somebody_gives_is_looked_for_everywhere() {
        let check = |name: &str, path: &str, expected: bool| {
            assert_eq!(Name::given(name).fits(path), expected, "{name} {path}");
        };
        check("Type", "device.type", true);
        check("device.type", "device.type", true);
        check("device.type", "data.device.type", false);
        check("state", "customer.state", true);
        assert!(Name::given("state").is_sure() && !Name::customary(Meaning::Status, "state").is_sure());
    }

    #[test]
    fn every_word_of_many_things_is_a_name_by_custom() {
        for word in OF_MANY_THINGS {
            let is_known = Meaning::ALL.into_iter().any(|meaning| meaning.names().contains(&word));
            assert!(is_known, "{word}");
        }
        assert!(Meaning::Status.names().contains(&REGION));
        assert!(WRAPPERS.iter().all(|object| key(object) == *object));
    }
}
