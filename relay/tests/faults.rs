//! Destinations that fail: names that stop resolving, certificates that are not to be trusted, platforms that flap, fall
//! silent or refuse a thousand events for one. Nothing is lost, nothing doubled, and the others notice nothing.

mod plain;

use std::collections::BTreeMap;

use plain::{Bench, HOUR, server, settled};

/// Sends a thousand events in one batch to a platform that refuses whole what holds one of `bad`. How many requests
/// followed the first, and the dead letters.
async fn thousand(bad: &'static [&'static str]) -> (usize, Vec<String>) {
    let refuses = |ids: &[String]| ids.iter().any(|id| bad.contains(&id.as_str()));
    let (url, mut requests) = server(Box::new(move |ids| if refuses(ids) { 400 } else { 200 })).await;
    let bench = Bench::start(url, 1_000, 1_000, HOUR).await;
    bench.until(settled).await;
    let dead = bench.store.dead_letters("d", 10).await.expect("dead letters");
    bench.stop().await;
    let (mut delivered, mut sent) = (BTreeMap::<String, usize>::new(), Vec::new());
    while let Ok((ids, status)) = requests.try_recv() {
        sent.push(ids.len());
        if status == 200 {
            ids.into_iter().for_each(|id| *delivered.entry(id).or_default() += 1);
        }
    }
    assert_eq!(sent[0], 1_000);
    assert_eq!(delivered.len(), 1_000 - bad.len(), "{sent:?}");
    assert!(delivered.values().all(|times| *times == 1), "delivered twice: {sent:?}");
    assert!(sent.iter().filter(|events| **events == 1).count() >= bad.len(), "{sent:?}");
    (sent.len() - 1, dead.into_iter().map(|letter| letter.event_id).collect())
}

#[tokio::test]
async fn one_poisoned_event_among_a_thousand_is_found_with_ten_requests() {
    // Ten halve a thousand to one; one hears the reason for it alone, one brings what was set aside.
    for (bad, most) in
        [(&["e1"], 11), (&["e2"], 12), (&["e500"], 12), (&["e501"], 12), (&["e777"], 12), (&["e1000"], 12)]
    {
        let (further, dead) = thousand(bad).await;
        assert_eq!(dead, *bad);
        assert!((10..=most).contains(&further), "{bad:?}: {further}");
    }
    let (further, dead) = thousand(&["e3", "e999"]).await;
    assert_eq!(dead.len(), 2);
    assert!(further <= 24, "{further}");
}
