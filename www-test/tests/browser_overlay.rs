//! The debug overlay: what it shows of events, consent and trouble, that it leaves the page alone, and that it is there
//! only when it is asked for.

use serde_json::{Value, json};
use www_test::browser::Screen;
use www_test::stage::Stage;

/// The overlay's shadow root.
const ROOT: &str = "document.querySelector('anytrack-inspect').shadowRoot";

/// What a row of the overlay says, by the event's id: its state, its messages and its facts by name.
async fn row(stage: &Stage, event_id: &str, state: &str) -> Value {
    let row = format!("{ROOT}.querySelector('[data-id=\"{event_id}\"]')");
    let there =
        format!("document.querySelector('anytrack-inspect') && {row} && {row}.className == '{state}'");
    stage.browser.wait_until(&there).await.expect("the overlay shows the event");
    let script = format!(
        "const row = {row}; const texts = (css) => [...row.querySelectorAll(css)].map(({{ textContent }}) => textContent);
         return {{ messages: texts('.message'), names: texts('dt'), values: texts('dd') }};"
    );
    stage.browser.eval(&script).await.expect("the overlay can be read")
}

/// Whether any text of a list holds a part.
fn says(list: &Value, part: &str) -> bool {
    list.as_array()
        .is_some_and(|texts| texts.iter().any(|text| text.as_str().is_some_and(|text| text.contains(part))))
}

#[tokio::test]
async fn an_event_is_shown_with_all_it_holds_and_the_relays_answer() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/plain?anytrack_debug=1&fbclid=Landing-Click_9&utm_source=news").await;
    stage.browser.eval("anytrack.identify({ email: ' First.Buyer@shop.example' })").await.unwrap();
    let whole = "{ value: 59.9, currency: 'EUR', order_id: 'D-1', items: [{ id: 'A', quantity: 2 }] }";
    stage.browser.eval(&format!("anytrack.track('Purchase', {whole})")).await.unwrap();
    let shown = row(&stage, "Purchase-D-1", "accepted").await;
    assert_eq!(shown["messages"], json!([]), "an event that is whole needs no word");
    let hash = "0f3d0ff69300dc1374a6eed0d7283458cf57d1b333467239ffbe6a88fd3b292f"; // first.buyer@shop.example
    for part in
        [hash, "(plain, compact, google)", "Landing-Click_9, first seen 20", "news", "59.9", "Purchase-D-1"]
    {
        assert!(says(&shown["values"], part), "{part}: {shown}");
    }
    for name in
        ["value", "currency", "order_id", "items", "fbclid", "utm_source", "email", "page", "id", "time"]
    {
        assert!(says(&shown["names"], name), "{name}: {shown}");
    }
    assert!(!shown.to_string().to_lowercase().contains("first.buyer@"), "no raw address is shown: {shown}");
    let purchase = stage.wait_for("meta", "Purchase").await;
    assert_eq!(purchase.event_id, "Purchase-D-1", "and it is delivered as ever");
    let first = format!("{ROOT}.querySelector('.events li b').textContent");
    assert_eq!(stage.browser.text(&first).await.unwrap(), "PageView", "the first event was seen too");
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn trouble_is_named_with_what_to_do() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/plain?anytrack_debug=1").await;
    stage
        .browser
        .eval("anytrack.track('Purchase', { value: '12', note: 'to jane@example.com', cart: {} }, { event_id: 'poor' });
               anytrack.track('Lead', { value: '12 EUR' }, { event_id: 'wrong' });
               anytrack.track('add_to_cart', { phone: '12' }, { event_id: 'odd' });")
        .await
        .unwrap();
    let poor = row(&stage, "poor", "accepted").await;
    for part in [
        "properties.note holds an e-mail address",
        "properties.value is text",
        "properties.cart is an object",
        "without a currency",
        "without an order_id",
    ] {
        assert!(says(&poor["messages"], part), "{part}: {poor}");
    }
    let wrong = row(&stage, "wrong", "refused").await;
    assert!(
        says(&wrong["messages"], "the relay will refuse this event: properties.value: not a number"),
        "{wrong}"
    );
    assert!(says(&wrong["messages"], "the relay refused this event"), "the relay says the same: {wrong}");
    let odd = row(&stage, "odd", "accepted").await;
    assert!(says(&odd["messages"], "did you mean AddToCart"), "{odd}");
    assert!(says(&odd["messages"], "phone: not a usable value"), "{odd}");
    let logged = stage.browser.log().await.unwrap();
    assert!(
        logged.iter().any(|line| line.message.contains("did you mean AddToCart")),
        "the console says it too"
    );
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn a_key_that_no_site_has_is_named_on_the_page() {
    let stage = Stage::set().await.unwrap();
    stage.shop.paste(stage.shop.snippet().with_attribute("data-site=\"nosuch\""));
    stage.visit("/case/plain?anytrack_debug=1").await;
    stage.browser.eval("anytrack.track('Lead', {}, { event_id: 'lost' })").await.unwrap();
    let lost = row(&stage, "lost", "refused").await;
    assert!(says(&lost["messages"], "compare data-site with `key`"), "{lost}");
    let about = format!("{ROOT}.querySelector('.body > .message').textContent");
    let about = stage.browser.text(&about).await.unwrap();
    assert!(about.contains("no site with the key of this page"), "{about}");
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn a_denial_is_shown_as_the_reason_why_nothing_is_sent() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/plain?anytrack_debug=1").await;
    stage.consent("denied").await;
    stage.browser.eval("anytrack.track('Lead', {}, { event_id: 'hidden' })").await.unwrap();
    let hidden = row(&stage, "hidden", "called").await;
    assert!(says(&hidden["messages"], "the visitor denied ad_storage and ad_user_data"), "{hidden}");
    let chip = format!("{ROOT}.querySelector('.site .chip').textContent");
    assert_eq!(stage.browser.text(&chip).await.unwrap(), "consent denied");
    stage.consent("granted").await;
    stage.browser.eval("anytrack.track('Lead', {}, { event_id: 'shown' })").await.unwrap();
    let shown = row(&stage, "shown", "accepted").await;
    assert!(!says(&shown["messages"], "denied"), "{shown}");
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn nothing_of_it_is_there_unless_it_is_asked_for() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/plain?anytrack_debug=0").await;
    stage.browser.eval("anytrack.track('Lead')").await.unwrap();
    stage.wait_for("meta", "Lead").await;
    let seen = "document.querySelector('anytrack-inspect') || performance.getEntriesByType('resource').some(({ name }) => /overlay|debug/.test(name))";
    assert_eq!(stage.browser.text(seen).await.unwrap(), "false");
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn it_runs_under_the_documented_policy_and_is_quiet_where_wasm_is_forbidden() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/csp-allows-wasm?anytrack_debug=1").await;
    stage.browser.eval("anytrack.track('Lead', {}, { event_id: 'strict' })").await.unwrap();
    row(&stage, "strict", "accepted").await;
    assert_eq!(stage.browser.eval("return window.__violations").await.unwrap(), json!([]));
    stage.visit("/case/csp-forbids-wasm?anytrack_debug=1").await;
    stage.browser.eval("anytrack.track('Contact')").await.unwrap();
    stage.wait_for("meta", "Contact").await;
    stage.page_works().await;
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

/// Sums layout shifts that no visitor caused, and names what of the page moved, from before the page is drawn.
const SHIFTS: &str = "
    window.__shift = 0;
    window.__moved = [];
    new PerformanceObserver((list) => {
        for (const { value, sources } of list.getEntries().filter((one) => !one.hadRecentInput)) {
            window.__shift += value;
            window.__moved.push(...sources.flatMap(({ node }) => (node ? [node.nodeName] : [])));
        }
    }).observe({ type: 'layout-shift', buffered: true });";

#[tokio::test]
async fn it_moves_neither_the_page_nor_itself() {
    let stage = Stage::set().await.unwrap();
    for screen in [Screen::Desktop, Screen::Phone] {
        stage.browser.screen(screen).await.unwrap();
        stage.visit("/case/plain?anytrack_debug=1").await;
        stage.browser.eval(SHIFTS).await.unwrap();
        for number in 0..12 {
            let id = format!("{}-{number}", screen.name());
            let track = format!("anytrack.track('Lead', {{ value: '5' }}, {{ event_id: '{id}' }})");
            stage.browser.eval(&track).await.unwrap();
            row(&stage, &id, "accepted").await;
        }
        // An observer is told of what a frame has shown in the next one.
        stage
            .browser
            .eval("requestAnimationFrame(() => requestAnimationFrame(() => { window.__drawn = true; }))")
            .await
            .unwrap();
        stage.browser.wait_until("window.__drawn").await.unwrap();
        // Google calls a page good below 0.1; a digit more in the overlay's count is a hundred-thousandth.
        let moved = stage.browser.eval("return [window.__moved, window.__shift < 0.001]").await.unwrap();
        assert_eq!(moved, json!([[], true]), "{screen:?}");
    }
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn it_fits_every_screen_and_obeys_the_keyboard() {
    let stage = Stage::set().await.unwrap();
    for (screen, scheme) in [
        (Screen::Desktop, "light"),
        (Screen::Phone, "light"),
        (Screen::Phone, "dark"),
        (Screen::Desktop, "dark"),
    ] {
        stage.browser.screen(screen).await.unwrap();
        stage.browser.colour_scheme(scheme).await.unwrap();
        stage
            .visit("/product/dome?anytrack_debug=1&gclid=Cj0KCQ-dome&utm_source=news&utm_campaign=spring")
            .await;
        let id = format!("{}-{scheme}", screen.name());
        let purchase = format!(
            "anytrack.track('Purchase', {{ value: 59.9, order_id: '{id}', note: 'for a@shop.example' }}, {{ event_id: '{id}' }})"
        );
        stage
            .browser
            .eval(&format!("anytrack.identify({{ email: 'first.buyer@shop.example' }}); {purchase}"))
            .await
            .unwrap();
        row(&stage, &id, "accepted").await;
        stage.browser.screenshot(&format!("overlay-{}-{scheme}", screen.name())).await.unwrap();
        // Opened by keyboard alone.
        stage.browser.eval(&format!("{ROOT}.querySelector('[data-id={id}] summary').focus()")).await.unwrap();
        stage.browser.press_enter_in_focus().await.unwrap();
        stage
            .browser
            .wait_until(&format!("{ROOT}.querySelector('[data-id={id}] details').open"))
            .await
            .unwrap();
        stage.browser.screenshot(&format!("overlay-open-{}-{scheme}", screen.name())).await.unwrap();
        let fits = format!(
            "const panel = {ROOT}.querySelector('.panel').getBoundingClientRect();
             const small = [...{ROOT}.querySelectorAll('button, summary')].filter((one) => one.getBoundingClientRect().height < 40);
             return [document.documentElement.scrollWidth <= innerWidth, panel.left >= 0, panel.right <= innerWidth, panel.bottom <= innerHeight, small.length]"
        );
        assert_eq!(
            stage.browser.eval(&fits).await.unwrap(),
            json!([true, true, true, true, 0]),
            "{screen:?}"
        );
        let folded = format!("{ROOT}.querySelector('.panel').getBoundingClientRect().height < 80");
        stage.browser.eval(&format!("{ROOT}.querySelector('[aria-label=Fold]').focus()")).await.unwrap();
        stage.browser.press_enter_in_focus().await.unwrap();
        stage.browser.wait_until(&folded).await.unwrap();
        stage.browser.eval(&format!("{ROOT}.querySelector('[aria-label=Close]').focus()")).await.unwrap();
        stage.browser.press_enter_in_focus().await.unwrap();
        stage.browser.wait_until("!document.querySelector('anytrack-inspect')").await.unwrap();
    }
    let exceptions = stage.browser.exceptions().await.unwrap();
    assert!(exceptions.is_empty(), "{exceptions:?}");
    stage.strike().await.unwrap();
}
