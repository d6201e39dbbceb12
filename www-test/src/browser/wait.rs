//! Waiting for a condition inside the page.
//!
//! The page itself looks again every few milliseconds and answers when the condition holds; nothing here sleeps. A
//! page that goes away while it is asked is asked again on its successor.

use fantoccini::Client;
use fantoccini::error::CmdError;
use serde_json::Value;
use tokio::time::timeout;

use super::{BrowserError, PATIENCE};

/// Waits until `expression` is truthy and returns its value.
pub(super) async fn until(client: &Client, expression: &str) -> Result<Value, BrowserError> {
    let script = LOOK.replace("EXPRESSION", expression);
    let looking = async {
        loop {
            match client.execute_async(&script, Vec::new()).await {
                Ok(Value::Null) => {}
                Ok(found) => return Ok(found),
                Err(error) if page_went_away(&error) => {}
                Err(error) => return Err(BrowserError::from(error)),
            }
        }
    };
    let late = || BrowserError::Timeout { what: expression.to_owned() };
    timeout(PATIENCE, looking).await.map_err(|_| late())?
}

/// An unloading page breaks its script off in several words; all of them mean: ask the next page.
fn page_went_away(error: &CmdError) -> bool {
    let CmdError::Standard(error) = error else { return false };
    let words = &error.message;
    [
        "unloaded",
        "aborted by navigation",
        "no such execution context",
        "Execution context",
        "frame was detached",
    ]
    .iter()
    .any(|sign| words.contains(sign))
}

/// An exception in the expression means "not yet": what it asks about may not exist yet.
const LOOK: &str = "
const answer = arguments[arguments.length - 1];
const last = performance.now() + 2000;
(function look() {
  let found = null;
  try { found = (EXPRESSION); } catch (notYet) { found = null; }
  if (found) answer(found);
  else if (performance.now() > last) answer(null);
  else setTimeout(look, 10);
})();";
