//! The store against its specification: both engines must answer alike, whatever happens, also across a crash.
#![expect(clippy::unwrap_used, reason = "in a test an unexpected answer ends it, helpers included")]

#[path = "store/fixture.rs"]
mod fixture;
#[path = "store/forgetting.rs"]
mod forgetting;
#[path = "store/model.rs"]
mod model;
#[path = "store/rules.rs"]
mod rules;

use proptest::prelude::*;

use self::model::{Pair, step};

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any history of appends, reads, settlements, pruning, erasures, crashes and restarts.
    #[test]
    fn sqlite_answers_like_the_model(steps in prop::collection::vec(step(), 1..40)) {
        fixture::run(async {
            let mut pair = Pair::new();
            for step in &steps {
                pair.take(step).await;
            }
        });
    }
}
