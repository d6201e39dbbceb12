//! The journey everything is for: an ad click, a product, a cart, a purchase with e-mail and phone.
//!
//! Owns what the buyer types, what may never be seen of it, and what a platform must be given instead. The hashes
//! are written down here as computed by another program (Python's hashlib over the normalised text beside each), so
//! that our own normalising and hashing cannot agree with itself.

use crate::browser::{Browser, BrowserError};
use crate::recorder::Secret;
use crate::shop::Shop;

/// The click id of the landing, in mixed case because case must survive.
pub const FBCLID: &str = "IwAR0-Journey_aem_Zz9xQ7";
/// Google's click id of the same landing.
pub const GCLID: &str = "Cj0KCQiA-Journey_wcB";
/// TikTok's.
pub const TTCLID: &str = "E.C.P.Journey-TikTok_Zz9xQ7";
/// Microsoft's, a GUID without its dashes.
pub const MSCLKID: &str = "0f3c1b2a4d5e6f708192a3b4c5d6e7f8";
/// Outbrain's, as its macro writes it.
pub const OB_CLICK_ID: &str = "v2-Journey_Zz9xQ7";
/// Taboola's.
pub const TBLCI: &str = "GiBJourney-Taboola_Zz9xQ7";
/// Where the ad sends its visitors. No real landing carries the click ids of six networks at once; this one shows that
/// each network is given its own and no other.
pub const LANDING: &str = "/?fbclid=IwAR0-Journey_aem_Zz9xQ7&gclid=Cj0KCQiA-Journey_wcB&ttclid=E.C.P.Journey-TikTok_Zz9xQ7\
    &msclkid=0f3c1b2a4d5e6f708192a3b4c5d6e7f8&ob_click_id=v2-Journey_Zz9xQ7&tblci=GiBJourney-Taboola_Zz9xQ7\
    &utm_source=newsletter&utm_medium=email&utm_campaign=evening";

/// A field of the checkout form: its name, what is typed, and how Meta's user data names and hashes it.
#[derive(Clone, Copy, Debug)]
pub struct Typed {
    /// Name of the form field and of `identify`'s key.
    pub field: &'static str,
    /// What the buyer types, untidy as people are.
    pub text: &'static str,
    /// Meta's name of it.
    pub meta: &'static str,
    /// SHA-256 of the normalised text.
    pub hash: &'static str,
}

/// Everything typed. The phone range and the postcode are reserved for such use.
pub const TYPED: [Typed; 7] = [
    // kunde.eins+shop@example.com
    typed(
        "email",
        "  Kunde.Eins+Shop@Example.COM ",
        "em",
        "83e116f7654b47a5f35a69f6dfadac539a33e1e3650e095e83d610c0ba82b203",
    ),
    // 442079460958
    typed(
        "phone",
        "+44 (0)20 7946-0958",
        "ph",
        "35e206e5dec4c89b9e8b71b8c32724a5bb518483ac5a20c6617d738375b3b823",
    ),
    // vorname
    typed("first_name", " VorName", "fn", "090619b489809864a1b781cae706342dc2e0d5c2e80ceee2d851eee93517d8f4"),
    // obeispieltest
    typed(
        "last_name",
        "O'Beispiel-Test",
        "ln",
        "d8ee32f9d6ff78c9708b7b404355baf15d838ea5c245d2e8c2e29e03c770c235",
    ),
    // musterstadt
    typed("city", "Muster Stadt", "ct", "1f6eafecd1b316c47e7c0ffa3029aa0b835460fc85a94848911a2f35623adb48"),
    // zz993vz
    typed(
        "postal_code",
        "ZZ99 3VZ",
        "zp",
        "521d0fa934288a591a035ffa6d622953fd9e04141d7f6c9855d4c1f891425007",
    ),
    // gb
    typed("country", "GB", "country", "0b407281768f0e833afef47ed464b6571d01ca4d53c12ce5c51d1462f4ad6677"),
];

const fn typed(field: &'static str, text: &'static str, meta: &'static str, hash: &'static str) -> Typed {
    Typed { field, text, meta, hash }
}

/// What must not be readable anywhere outside the page: e-mail, phone and names. City, postal code and country may
/// also travel in a clear form, because some platforms hash nothing of that kind (`shared::identity::Clear`).
pub fn secrets() -> Vec<Secret> {
    let secret = ["email", "phone", "first_name", "last_name"];
    let fields = TYPED.iter().filter(|typed| secret.contains(&typed.field));
    let parts = [
        ("email", "kunde.eins"),
        ("phone", "7946-0958"),
        ("phone", "442079460958"),
        ("phone", "02079460958"),
    ];
    fields
        .map(|typed| Secret::new(typed.field, typed.text))
        .chain(parts.map(|(field, part)| Secret::new(field, part)))
        .collect()
}

/// What the page knew when the buyer was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What `track()` returned for the purchase.
    pub purchase_id: String,
    /// Order number of the thank-you page.
    pub order_id: String,
    /// What `visitorId()` returned.
    pub visitor_id: String,
}

/// Total of the order: two of the lamp at 89, above the shop's limit for free shipping.
pub const TOTAL: f64 = 178.0;

/// Every event of the journey and how often it happens: one page view per page, and what the shop reports.
pub const EVENTS: [(&str, usize); 5] =
    [("PageView", 5), ("ViewContent", 1), ("AddToCart", 1), ("InitiateCheckout", 1), ("Purchase", 1)];

/// Walks from the ad to the thank-you page.
///
/// # Errors
/// When the shop is broken for its visitor: something is missing, covered, or never comes.
pub async fn walk(browser: &Browser, shop: &Shop) -> Result<Receipt, BrowserError> {
    browser.goto(&shop.url(LANDING)).await?;
    browser.click("#panel summary").await?;
    browser.click("[data-consent=granted]").await?;
    browser.click("#panel summary").await?;
    browser.click("#lamps a[href='/product/orb']").await?;
    browser.wait_for_path("/product/orb").await?;
    browser.click("[data-step='1']").await?;
    browser.click("#add").await?;
    browser.click("#to-cart").await?;
    browser.wait_for_path("/cart").await?;
    browser.click("#to-checkout").await?;
    browser.wait_for_path("/checkout").await?;
    fill_in(browser).await?;
    browser.click("#place").await?;
    browser.wait_for_path("/thanks").await?;
    receipt(browser).await
}

/// Fills in the checkout form.
///
/// # Errors
/// When a field is missing.
pub async fn fill_in(browser: &Browser) -> Result<(), BrowserError> {
    for Typed { field, text, .. } in TYPED {
        match field {
            "country" => browser.select("[name=country]", text).await?,
            _ => browser.fill(&format!("[name={field}]"), text).await?,
        }
    }
    Ok(())
}

async fn receipt(browser: &Browser) -> Result<Receipt, BrowserError> {
    browser.eval("anytrack.ready(function () { window.__ready = true; })").await?;
    browser.wait_until("window.__ready && window.__purchaseId").await?;
    Ok(Receipt {
        purchase_id: browser.text("document.getElementById('thanks').dataset.purchaseId").await?,
        order_id: browser.text("document.getElementById('order-number').textContent").await?,
        visitor_id: browser.text("anytrack.visitorId()").await?,
    })
}
