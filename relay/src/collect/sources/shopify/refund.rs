//! What was given back, in the shop's own currency.
//!
//! Money is paid out in the currency the customer saw, while orders are counted in the shop's: each could not be reckoned
//! against the other. The items and adjustments of a refund have both. Which of them make up the sum is not written down (in shops
//! whose prices include tax, tax may be in the subtotal or beside it), so a way to add them up is believed only if it gives, in the
//! customer's currency, what was really paid out.

use shared::money::Currency;

use super::super::json::Maybe;
use super::payload::{Money, MoneySet, Refund};

/// The sum in the shop's currency, where it differs from the one that was paid out and adds up.
pub(super) fn in_shop_money(
    refund: &Refund,
    paid: f64,
    currency: Option<Currency>,
) -> Option<(f64, Currency)> {
    let own = parts(refund, true)
        .find_map(|(set, _)| code(&set.as_ref()?.shop_money))
        .filter(|own| Some(*own) != currency)?;
    let adds_up = |with_tax: &bool| {
        let seen = sum(refund, *with_tax, |set| &set.presentment_money, currency);
        seen.is_some_and(|seen| (seen - paid).abs() < HALF_A_CENT)
    };
    let with_tax = [true, false].into_iter().find(adds_up)?;
    let value = sum(refund, with_tax, |set| &set.shop_money, Some(own))?;
    Some((value, own)).filter(|(value, _)| *value > 0.0)
}

/// The amounts there are, and whether they count against the sum.
fn parts(refund: &Refund, with_tax: bool) -> impl Iterator<Item = (&Maybe<MoneySet>, f64)> {
    let lines = refund
        .refund_line_items
        .iter()
        .flat_map(|line| [(&line.subtotal_set, 1.0, false), (&line.total_tax_set, 1.0, true)]);
    let others = refund
        .order_adjustments
        .iter()
        .flat_map(|one| [(&one.amount_set, -1.0, false), (&one.tax_amount_set, -1.0, true)]);
    lines.chain(others).filter(move |(_, _, is_tax)| with_tax || !is_tax).map(|(set, sign, _)| (set, sign))
}

/// The sum on one side, if every amount there is is in this currency.
fn sum(
    refund: &Refund,
    with_tax: bool,
    side: impl Fn(&MoneySet) -> &Maybe<Money>,
    currency: Option<Currency>,
) -> Option<f64> {
    let mut sum = 0.0;
    for (set, sign) in parts(refund, with_tax) {
        let Some(set) = set.as_ref() else { continue };
        let money = side(set);
        sum += sign * money.as_ref()?.amount.amount().filter(|_| code(money) == currency)?;
    }
    Some(rounded(sum))
}

/// A sum of amounts to the precision of the currencies there are.
pub(super) fn rounded(sum: f64) -> f64 {
    (sum * 1000.0).round() / 1000.0
}

fn code(money: &Maybe<Money>) -> Option<Currency> {
    money.as_ref()?.currency_code.text().and_then(Currency::parse)
}

/// Amounts nearer to each other than this are the same.
const HALF_A_CENT: f64 = 0.005;
