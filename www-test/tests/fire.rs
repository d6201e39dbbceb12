//! The relay is killed at random under load while all of its destinations fail, each in its own way. Afterwards every event
//! it acknowledged is delivered, once where the platform can tell, or in the dead letter with a reason.

use std::time::Duration;

use tokio::time::timeout;
use www_test::fire::{Args, run};
use www_test::relay_process::find;

/// The long form, `cargo xtask fire`, has a hundred.
const ROUNDS: usize = 10;
/// The whole test ends within this, or fails.
const WITHIN: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_every_acknowledged_event_is_delivered_or_given_up_with_a_reason() {
    find().await.expect("a relay");
    let report = timeout(WITHIN, run(Args::new(ROUNDS, Duration::from_secs(90)))).await;
    let report = report.expect("the test ends in time").expect("a reckoning");
    println!("{report}");
    assert!(report.holds(), "{report}");
    for destination in &report.destinations {
        assert!(destination.acknowledged > 200, "{report}");
        assert!(destination.disturbed > 0 && destination.dead > 0, "every destination has failed: {report}");
    }
}
