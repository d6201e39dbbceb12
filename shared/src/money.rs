//! Money: an amount in major units and its currency, which are only ever valid together.
//!
//! There is never a default currency: an amount without one is an amount nobody can add up, and the event that
//! carries it is skipped by the platforms that need value. Amounts are JSON numbers in major units (59.9, not 5990).

use serde::{Deserialize, Deserializer, Serialize};

/// An ISO 4217 code: three upper-case letters. Input may be lower case; blank or other text is no currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Reads a code, ignoring case and surrounding blanks.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 3] = text.trim().as_bytes().try_into().ok()?;
        if !bytes.iter().all(u8::is_ascii_alphabetic) {
            return None;
        }
        Some(Self(bytes.map(|b| b.to_ascii_uppercase())))
    }

    /// The code in upper case.
    pub fn as_str(&self) -> &str {
        // The constructor admits ASCII letters only, so this never takes the fallback.
        core::str::from_utf8(&self.0).unwrap_or("")
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("not an ISO 4217 currency code such as EUR"))
    }
}

/// An amount a platform can count: finite, with its currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Money {
    /// Major units: 59.9 is fifty-nine euros ninety.
    pub amount: f64,
    /// The currency of `amount`.
    pub currency: Currency,
}

/// Why there is no [`Money`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoMoney {
    /// Neither a usable amount nor anything else to say.
    NoValue,
    /// An amount whose currency is unknown.
    NoCurrency,
}

/// Pairs an amount with its currency. A lone currency is no money; a lone amount is an error to be named.
pub fn pair(value: Option<f64>, currency: Option<Currency>) -> Result<Money, NoMoney> {
    let amount = value.filter(|amount| amount.is_finite()).ok_or(NoMoney::NoValue)?;
    let currency = currency.ok_or(NoMoney::NoCurrency)?;
    Ok(Money { amount, currency })
}

/// Reads an amount as people and shops write it: `59.9`, `59,90`, `1.234,50`, `1,234.50`, `€ 59`.
///
/// Where only one kind of separator occurs, it is the decimal mark unless it occurs again (`1,234,567`). A comma before
/// three digits parts thousands, too (`1,234`): nobody writes thousandths of money with a comma, but for less than one
/// (`0,125`). A dot there is the decimal mark, for so programs write a commission of `1.234`. `None` when no number is left.
pub fn parse_amount(text: &str) -> Option<f64> {
    let text: String = text.chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-')).collect();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.as_str()),
    };
    if digits.contains('-') || !digits.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    let decimal = decimal_mark(digits);
    let mut plain = String::with_capacity(digits.len());
    for (index, c) in digits.char_indices() {
        if c.is_ascii_digit() {
            plain.push(c);
        } else if Some(index) == decimal {
            plain.push('.');
        }
    }
    let amount: f64 = plain.parse().ok()?;
    Some(if negative { -amount } else { amount })
}

/// Where the decimal mark stands, if there is one.
fn decimal_mark(digits: &str) -> Option<usize> {
    let (dot, comma) = (digits.rfind('.'), digits.rfind(','));
    match (dot, comma) {
        (Some(dot), Some(comma)) => Some(dot.max(comma)),
        (Some(mark), None) | (None, Some(mark)) => {
            let repeated = digits[..mark].contains(['.', ',']);
            let parts_thousands =
                comma == Some(mark) && digits.len() - mark == 4 && is_thousands(&digits[..mark]);
            if repeated || parts_thousands { None } else { Some(mark) }
        }
        (None, None) => None,
    }
}

/// Whether these digits can stand before a thousand's mark.
fn is_thousands(digits: &str) -> bool {
    (1..=3).contains(&digits.len()) && !digits.starts_with('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_three_letters_or_none() {
        assert_eq!(Currency::parse(" eur ").map(|c| c.as_str().to_owned()).as_deref(), Some("EUR"));
        for text in ["", "EU", "EURO", "€", "E1R", "ÄBC"] {
            assert_eq!(Currency::parse(text), None, "{text}");
        }
    }

    #[test]
    fn no_currency_is_ever_assumed() {
        assert_eq!(pair(Some(1.0), None), Err(NoMoney::NoCurrency));
        assert_eq!(pair(None, Currency::parse("EUR")), Err(NoMoney::NoValue));
        assert_eq!(pair(Some(f64::NAN), Currency::parse("EUR")), Err(NoMoney::NoValue));
    }

    #[test]
    fn amounts_as_people_write_them() {
        let check = |text, expected| assert_eq!(parse_amount(text), expected, "{text}");
        check("59.9", Some(59.9));
        check("59,90 €", Some(59.9));
        check("1.234,50", Some(1234.5));
        check("1,234.50", Some(1234.5));
        check("1,234,567", Some(1_234_567.0));
        check("1,234", Some(1234.0));
        check("-12,500 USD", Some(-12500.0));
        check("1.234", Some(1.234));
        check("0,125", Some(0.125));
        check("1234,567", Some(1234.567));
        check("1,2345", Some(1.2345));
        check("USD 12", Some(12.0));
        check("-5", Some(-5.0));
        check("", None);
        check("free", None);
        check("1-2", None);
    }
}
