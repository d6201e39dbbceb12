//! The only file that writes to the screen. Standard output carries results, standard error everything else.
//!
//! A reader that closes the pipe early (`| head`) ends the program quietly: it has what it wanted.

use std::fmt::Display;
use std::io::{self, BufWriter, StdoutLock, Write};

/// Standard output, buffered.
pub(super) fn output() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

/// Writes one result and the end of its line.
pub(super) fn result(text: impl Display) -> io::Result<()> {
    let mut output = output();
    writeln!(output, "{text}")?;
    output.flush()
}

/// Writes one line of what is not a result. If nobody can be told, the exit code still says it.
pub(super) fn message(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
