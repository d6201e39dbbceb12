//! A relay inside something: a shell that limits what it may have, a tracer that disturbs its calls to the system.
//!
//! A script stands in the relay's place and becomes it, so that whoever starts, signals or kills the script means the relay.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Writes a program into `folder` that does what `before` says and then becomes `binary`. `before` ends with a command that
/// takes another one, such as `exec` or `exec strace -D --`.
///
/// # Errors
/// When the program cannot be written.
pub fn wrapped(binary: &Path, folder: &Path, before: &str) -> io::Result<PathBuf> {
    let script = folder.join("wrapped-relay");
    std::fs::write(&script, format!("#!/bin/sh\n{before} '{}' \"$@\"\n", binary.display()))?;
    std::fs::set_permissions(&script, Permissions::from_mode(0o755))?;
    Ok(script)
}
