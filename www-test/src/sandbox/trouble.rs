//! Troubles on order: which request of which platform is to be disturbed, and how.
//!
//! Owns the list of modes and the counting of orders. Leaves the platform's words to its player and the bytes on the
//! wire to `script`.

use serde::Deserialize;

use super::player::Complaint;

/// How a request is disturbed. Written as `{"mode":"too-many-requests","retry_after_s":2}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "mode", rename_all = "kebab-case")]
pub enum Mode {
    /// HTTP 429 with `Retry-After`.
    #[serde(alias = "429")]
    TooManyRequests {
        /// Seconds to wait.
        #[serde(default = "one_second")]
        retry_after_s: u32,
    },
    /// The platform's own throttling answer (Meta: HTTP 400 with code 80004).
    Throttled,
    /// A broken server.
    #[serde(alias = "5xx")]
    ServerError {
        /// 500 to 599.
        #[serde(default = "unavailable")]
        status: u16,
    },
    /// A fault the platform calls passing.
    Transient,
    /// Credentials that have run out.
    TokenExpired,
    /// Refuses, whole, every request with an event whose id starts with [`POISON`]; lets all others pass.
    Poison {
        /// The platform's own code: for Meta the `error_subcode`.
        #[serde(default = "refused_event")]
        code: u32,
    },
    /// Never answers. Nothing counts.
    Hang,
    /// Resets the connection (RST). Nothing counts.
    Reset,
    /// Closes without an answer. Nothing counts.
    Close,
    /// Takes the events, then never answers: nobody but the platform knows that they count.
    LoseAnswer,
    /// Takes the events and answers properly, one byte at a time.
    Slow {
        /// Milliseconds between two bytes.
        #[serde(default = "drip")]
        drip_ms: u64,
    },
    /// 200 with a page that is not the platform's, as a proxy or a captive portal gives. Nothing counts.
    Garbage,
    /// Takes the events, then breaks off in the middle of the answer.
    HalfBody,
    /// Takes the events, then announces half the length of the answer it sends.
    WrongLength,
}

/// Event ids that start with this are refused while [`Mode::Poison`] is ordered.
pub const POISON: &str = "poison-";

const fn one_second() -> u32 {
    1
}
const fn unavailable() -> u16 {
    503
}
const fn refused_event() -> u32 {
    2_804_048
}
const fn drip() -> u64 {
    20
}

impl Mode {
    /// The name in the control API and in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooManyRequests { .. } => "too-many-requests",
            Self::Throttled => "throttled",
            Self::ServerError { .. } => "server-error",
            Self::Transient => "transient",
            Self::TokenExpired => "token-expired",
            Self::Poison { .. } => "poison",
            Self::Hang => "hang",
            Self::Reset => "reset",
            Self::Close => "close",
            Self::LoseAnswer => "lose-answer",
            Self::Slow { .. } => "slow",
            Self::Garbage => "garbage",
            Self::HalfBody => "half-body",
            Self::WrongLength => "wrong-length",
        }
    }

    /// The complaint, where the mode is one.
    pub const fn complaint(self) -> Option<Complaint> {
        match self {
            Self::TooManyRequests { retry_after_s } => Some(Complaint::TooManyRequests { retry_after_s }),
            Self::Throttled => Some(Complaint::Throttled),
            Self::ServerError { status } => Some(Complaint::ServerError { status }),
            Self::Transient => Some(Complaint::Transient),
            Self::TokenExpired => Some(Complaint::TokenExpired),
            Self::Poison { code } => Some(Complaint::Poisoned { code }),
            Self::Hang
            | Self::Reset
            | Self::Close
            | Self::LoseAnswer
            | Self::Slow { .. }
            | Self::Garbage
            | Self::HalfBody
            | Self::WrongLength => None,
        }
    }

    /// Whether the platform takes the events although its answer is spoilt.
    pub const fn takes_events(self) -> bool {
        match self {
            Self::LoseAnswer | Self::Slow { .. } | Self::HalfBody | Self::WrongLength => true,
            Self::TooManyRequests { .. }
            | Self::Throttled
            | Self::ServerError { .. }
            | Self::Transient
            | Self::TokenExpired
            | Self::Poison { .. }
            | Self::Hang
            | Self::Reset
            | Self::Close
            | Self::Garbage => false,
        }
    }
}

/// How often an order is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "TimesText")]
pub enum Times {
    /// So many requests.
    Count(u32),
    /// Until it is lifted.
    #[default]
    Forever,
}

/// A number or the word `forever`.
#[derive(Deserialize)]
#[serde(untagged)]
enum TimesText {
    Count(u32),
    Word(Forever),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Forever {
    Forever,
}

impl From<TimesText> for Times {
    fn from(text: TimesText) -> Self {
        match text {
            TimesText::Count(count) => Self::Count(count),
            TimesText::Word(Forever::Forever) => Self::Forever,
        }
    }
}

/// An order: disturb this platform like so.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Order {
    /// The platform's name.
    pub platform: String,
    /// How.
    #[serde(flatten)]
    pub mode: Mode,
    /// How often; for ever when it is not said.
    #[serde(default)]
    pub times: Times,
    /// How many requests pass first.
    #[serde(default)]
    pub after: u32,
}

impl Order {
    /// Disturbs every request of a platform until it is lifted.
    pub fn forever(platform: &str, mode: Mode) -> Self {
        Self { platform: platform.to_owned(), mode, times: Times::Forever, after: 0 }
    }

    /// Disturbs the next `times` requests of a platform.
    pub fn times(platform: &str, mode: Mode, times: u32) -> Self {
        Self { platform: platform.to_owned(), mode, times: Times::Count(times), after: 0 }
    }
}

/// The orders in force, oldest first.
#[derive(Debug, Default)]
pub struct Troubles(Vec<Order>);

impl Troubles {
    /// Adds an order behind those in force.
    pub fn add(&mut self, order: Order) {
        self.0.push(order);
    }

    /// Lifts every order.
    pub fn lift(&mut self) {
        self.0.clear();
    }

    /// What happens to the next request of `platform`: the oldest order that concerns it decides. An order for
    /// poison concerns poisoned requests only.
    pub fn next(&mut self, platform: &str, poisoned: bool) -> Option<Mode> {
        let concerned = |order: &Order| {
            order.platform == platform && (poisoned || !matches!(order.mode, Mode::Poison { .. }))
        };
        let at = self.0.iter().position(concerned)?;
        let order = &mut self.0[at];
        if order.after > 0 {
            order.after -= 1;
            return None;
        }
        let mode = order.mode;
        match &mut order.times {
            Times::Forever => {}
            Times::Count(0) => {
                self.0.remove(at);
                return self.next(platform, poisoned);
            }
            Times::Count(1) => {
                self.0.remove(at);
            }
            Times::Count(left) => *left -= 1,
        }
        Some(mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_lets_some_pass_then_strikes_so_often() {
        let mut troubles = Troubles::default();
        troubles.add(Order { after: 1, ..Order::times("meta", Mode::Reset, 2) });
        troubles.add(Order::forever("meta", Mode::Hang));
        let seen: Vec<_> = (0..5).map(|_| troubles.next("meta", false)).collect();
        assert_eq!(seen, [None, Some(Mode::Reset), Some(Mode::Reset), Some(Mode::Hang), Some(Mode::Hang)]);
        assert_eq!(troubles.next("webhook", false), None);
        troubles.lift();
        assert_eq!(troubles.next("meta", false), None);
    }

    #[test]
    fn an_order_for_poison_waits_for_poison() {
        let mut troubles = Troubles::default();
        troubles.add(Order::times("meta", Mode::Poison { code: 1 }, 1));
        assert_eq!(troubles.next("meta", false), None);
        assert_eq!(troubles.next("meta", true), Some(Mode::Poison { code: 1 }));
        assert_eq!(troubles.next("meta", true), None);
    }

    #[test]
    fn nought_times_is_never() {
        let mut troubles = Troubles::default();
        troubles.add(Order::times("meta", Mode::Reset, 0));
        assert_eq!(troubles.next("meta", false), None);
    }

    #[test]
    fn orders_are_written_in_json() {
        let check = |json: &str, expected: Order| {
            assert_eq!(serde_json::from_str::<Order>(json).expect(json), expected, "{json}");
        };
        check(r#"{"platform":"meta","mode":"hang"}"#, Order::forever("meta", Mode::Hang));
        check(
            r#"{"platform":"meta","mode":"429","retry_after_s":7,"times":3,"after":2}"#,
            Order { after: 2, ..Order::times("meta", Mode::TooManyRequests { retry_after_s: 7 }, 3) },
        );
        check(
            r#"{"platform":"webhook","mode":"server-error","times":"forever"}"#,
            Order::forever("webhook", Mode::ServerError { status: 503 }),
        );
        for wrong in [r#"{"mode":"hang"}"#, r#"{"platform":"meta","mode":"sulk"}"#, r#"{"platform":"meta"}"#]
        {
            assert!(serde_json::from_str::<Order>(wrong).is_err(), "{wrong}");
        }
    }
}
