//! How many decimals Stripe's whole amounts have, by currency.
//!
//! docs.stripe.com/currencies, "Zero-decimal currencies" and "Three-decimal currencies" (read 2026-11-23). Two decimals
//! where nothing is said. The Icelandic króna has none of its own but is sent times 100, so it needs no line; of the
//! Ugandan shilling the page says both, which is why a setting may overrule this table.

use std::collections::BTreeMap;

use shared::money::Currency;

const NO_DECIMALS: [&str; 16] = [
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF",
    "XPF",
];
const THREE_DECIMALS: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];

/// An amount in major units. `overruled` holds decimals by currency that go before the table.
pub(super) fn major(amount: i64, currency: Currency, overruled: &BTreeMap<String, u8>) -> f64 {
    let code = currency.as_str();
    let decimals = overruled.get(code).copied().unwrap_or_else(|| {
        if NO_DECIMALS.contains(&code) {
            0
        } else if THREE_DECIMALS.contains(&code) {
            3
        } else {
            2
        }
    });
    amount as f64 / 10_f64.powi(i32::from(decimals))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_in_major_units() {
        let check = |amount, code, expected: f64| {
            let currency = Currency::parse(code).expect("a currency");
            assert_eq!(major(amount, currency, &BTreeMap::new()), expected, "{code}");
        };
        check(5990, "eur", 59.9);
        check(5990, "jpy", 5990.0);
        check(5990, "kwd", 5.99);
        check(599_000, "isk", 5990.0);
        check(5990, "ugx", 5990.0);
        check(1, "usd", 0.01);
        let overruled = BTreeMap::from([("UGX".to_owned(), 2)]);
        assert_eq!(major(5990, Currency::parse("UGX").expect("a currency"), &overruled), 59.9);
    }
}
