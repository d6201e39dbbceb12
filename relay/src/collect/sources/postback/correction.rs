//! What of a conversion went back, as its amounts tell it.
//!
//! Networks tell a change of what the publisher earns, also where the event's value is what the buyer paid. The new amount
//! says more: it is in the value's own units, two equal reductions come to two new amounts, and the same one sent again
//! to the same.

use super::ValueOf;

/// What went back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Back {
    /// All of it.
    All,
    /// So much of it.
    Part(f64),
    /// All but this.
    DownTo {
        /// What is left.
        left: f64,
        /// How much went back, if that is known in the units of the value.
        by: Option<f64>,
    },
}

impl Back {
    /// What the event's amount and the change of the payout come to; `None` when nothing went back.
    pub(super) fn told(value: ValueOf, worth: Option<f64>, delta: Option<f64>) -> Option<Self> {
        let lost = |amount: Option<f64>| amount.filter(|amount| *amount < 0.0).map(f64::abs);
        match (lost(delta), worth) {
            (Some(by), Some(left)) if left >= 0.0 => {
                Some(Self::DownTo { left, by: (value == ValueOf::Payout).then_some(by) })
            }
            // The change is one of another amount.
            (Some(_), Some(back)) if value == ValueOf::SaleAmount => Some(Self::Part(back.abs())),
            (Some(by), _) => Some(Self::Part(by)),
            (None, worth) => lost(worth).map(Self::Part),
        }
    }

    /// What its id is about, of a conversion with this one.
    pub(super) fn about(self, id: &str) -> String {
        match self {
            Self::All => id.to_owned(),
            Self::Part(back) => format!("{id}-{back}"),
            // The id that `orders` gives the refund of a lower total: it is the same news.
            Self::DownTo { left, .. } => format!("{id}-worth-{left}"),
        }
    }

    /// How much went back, where that is known.
    pub(super) fn value(self) -> Option<f64> {
        match self {
            Self::All => None,
            Self::Part(back) => Some(back),
            Self::DownTo { by, .. } => by,
        }
    }

    /// What is left, where that is known.
    pub(super) fn left(self) -> Option<f64> {
        match self {
            Self::All | Self::Part(_) => None,
            Self::DownTo { left, .. } => Some(left),
        }
    }
}
