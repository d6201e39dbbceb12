//! What can be wrong with a configuration, and the words for it.
//!
//! A line names file, line, key, and what was expected. What the file says is quoted only where it cannot be a
//! secret, and never what came from the environment.

use std::fmt;
use std::io;
use std::string::FromUtf8Error;

/// Something wrong in the file. The configuration is refused.
pub type Problem = Note<Fault>;

/// Something said about a place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<T> {
    /// The file, as it was named on the command line.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// The key, from the top (`destination.meta.access_token`); empty where there is none yet.
    pub key: String,
    /// What is said.
    pub what: T,
}

/// A place in the file, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A line.
    Line(usize),
    /// A character of a line, for mistakes of the TOML itself.
    Character(usize, usize),
}

impl Place {
    /// The line.
    pub const fn line(self) -> usize {
        match self {
            Self::Line(line) | Self::Character(line, _) => line,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "{line}"),
            Self::Character(line, column) => write!(f, "{line}:{column}"),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Note<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        self.what.fmt(f)
    }
}

/// One thing that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not TOML.
    #[error("not valid TOML: {description}")]
    Syntax {
        /// The parser's description; it quotes nothing of the file.
        description: String,
    },
    /// A key nobody reads.
    #[error("unknown key; {}", guess(.near.as_deref(), .known))]
    UnknownKey {
        /// The key that was probably meant.
        near: Option<String>,
        /// All keys of this table.
        known: Vec<String>,
    },
    /// A key without which there is nothing to do.
    #[error("missing; expected {expected}")]
    Missing {
        /// What belongs there.
        expected: String,
    },
    /// Text where a number belongs, and the like.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What belongs there.
        expected: String,
        /// What kind of value is there.
        found: &'static str,
    },
    /// The right kind of value, but not one of those that mean something.
    #[error("expected {expected}{}", quoted(.found.as_deref()))]
    Invalid {
        /// What belongs there.
        expected: String,
        /// What the file says, unless it may be secret.
        found: Option<String>,
    },
    /// A word that is none of a few.
    #[error("expected {expected}, found {found}{}", meant(.near.as_deref()))]
    NoneOf {
        /// The words.
        expected: String,
        /// What the file says, or what kind of value that is.
        found: String,
        /// The word that was probably meant.
        near: Option<String>,
    },
    /// A number nobody can mean.
    #[error("expected a whole number from {least} to {most}, found {found}")]
    OutOfRange {
        /// Smallest allowed.
        least: i64,
        /// Largest allowed.
        most: i64,
        /// What the file says.
        found: String,
    },
    /// A name that is not one of a set.
    #[error("unknown {kind} `{found}`; {}", guess(.near.as_deref(), .known))]
    UnknownName {
        /// Of what.
        kind: &'static str,
        /// What the file says.
        found: String,
        /// The name that was probably meant.
        near: Option<String>,
        /// All names.
        known: Vec<String>,
    },
    /// A variable that does not exist.
    #[error("environment variable {name} is not set; export it or write the value here")]
    Unset {
        /// Its name.
        name: String,
    },
    /// A variable with nothing in it.
    #[error("environment variable {name} is blank; give it a value or write the value here")]
    Blank {
        /// Its name.
        name: String,
    },
    /// `${` that refers to nothing.
    #[error(
        "`${{` must be followed by a variable's name and `}}`, as in `${{NAME}}`; write `$${{` for the characters themselves"
    )]
    Reference,
    /// A name that was given before.
    #[error("{kind} `{name}` is taken since line {line}; choose another")]
    Taken {
        /// Name of what.
        kind: &'static str,
        /// The name.
        name: String,
        /// Where it was given first.
        line: usize,
    },
    /// The same API key twice: nobody could tell which site speaks.
    #[error(
        "this API key is in use since line {line}; make another, for example with `openssl rand -hex 32`"
    )]
    KeyTaken {
        /// Where it was given first.
        line: usize,
    },
    /// An API key that cannot be sent in a header.
    #[error("expected visible ASCII characters without blanks; make one with `openssl rand -hex 32`")]
    NoKey,
    /// A secret with something at an end that cannot be part of it.
    #[error(
        "begins or ends with a blank, a line end or another character that nobody sees and that would be part of it; take it \
         away, also in the file that the environment is made of"
    )]
    SecretEnds,
    /// A file that a value names and that cannot be read.
    #[error("file `{written}` cannot be read ({kind}); a relative path starts beside the configuration")]
    File {
        /// What the configuration says.
        written: String,
        /// The system's answer.
        kind: io::ErrorKind,
    },
    /// What a platform says about one of its settings.
    #[error("{expected}{}", quoted(.found.as_deref()))]
    Refused {
        /// The platform's words.
        expected: String,
        /// What the file says, where it can hardly be a secret.
        found: Option<String>,
    },
}

/// The end of a sentence about an unknown name.
fn guess(near: Option<&str>, known: &[String]) -> String {
    match near {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there are none here".to_owned(),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// The end of a sentence that names all the words already.
fn meant(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

fn quoted(found: Option<&str>) -> String {
    found.map(|found| format!(", found `{found}`")).unwrap_or_default()
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: cannot be read ({source}); name the right file with --config")]
    Read {
        /// The file.
        file: String,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The file is not text.
    #[error("{file}:{line}: not valid UTF-8; save the file as UTF-8")]
    NotText {
        /// The file.
        file: String,
        /// The line that breaks off.
        line: usize,
    },
    /// Something in it is wrong.
    #[error("{}", lines(.problems))]
    Invalid {
        /// All of it, by line.
        problems: Vec<Problem>,
    },
}

impl ConfigError {
    /// The error of a file that is not UTF-8.
    pub(super) fn not_text(file: &str, error: &FromUtf8Error) -> Self {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        Self::NotText { file: file.to_owned(), line: 1 + good.iter().filter(|byte| **byte == b'\n').count() }
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
