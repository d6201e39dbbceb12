//! The table itself: one line per parameter, each from section 5 of its platform's dossier.
//!
//! Lifetimes are the ones the network's own tag uses for its cookie or, where it has none, the longest
//! attribution window it offers. Affiliate networks settle within 90 days.

use super::{CookieForm, Role, Shape, Spec};
use CookieForm::{AfterUet, Fbc, Gcl, GclKeyed, TwclidJson, Whole};

/// Every click id, by platform.
pub const REGISTRY: &[Spec] = &[
    // Ours: letters that survive every network's sub-id field (affiliate dossier, section 1).
    click("atclid", "anytrack", &[], 400, Shape::Token(128)),
    // Meta's browser library ignores values over 500 characters.
    click("fbclid", "meta", &[("_fbc", Fbc)], 90, Shape::Opaque(500)),
    // A chat begun from an ad; it reaches us by server, never on a landing.
    click("ctwa_clid", "meta", &[], 90, Shape::Opaque(500)),
    click("gclid", "google-ads", &[("_gcl_aw", Gcl), ("FPGCLAW", GclKeyed)], 90, Shape::Opaque(500)),
    click("gbraid", "google-ads", &[("_gcl_ag", GclKeyed), ("FPGCLAG", GclKeyed)], 90, Shape::Opaque(500)),
    click("wbraid", "google-ads", &[("_gcl_gb", Gcl), ("FPGCLGB", GclKeyed)], 90, Shape::Opaque(500)),
    // Display & Video and Campaign Manager; Google Ads does not take it.
    click("dclid", "google-cm360", &[("_gcl_dc", Gcl)], 90, Shape::Opaque(500)),
    // Where the gclid came from: with `ds` or `3p.ds` it belongs to Search Ads 360, not to Google Ads.
    label("gclsrc", "google-ads", &[], 90, Shape::Opaque(32)),
    label("gad_source", "google-ads", &[("_gcl_gs", GclKeyed)], 90, Shape::Opaque(64)),
    label("gad_campaignid", "google-ads", &[], 90, Shape::Digits(20)),
    // A free product listing, kept for analysis; no ad was clicked.
    label("srsltid", "google-merchant", &[], 90, Shape::Opaque(500)),
    // TikTok documents 1,000 characters, the longest of the field.
    click("ttclid", "tiktok", &[("ttclid", Whole)], 30, Shape::Opaque(1000)),
    click("msclkid", "microsoft", &[("_uetmsclkid", AfterUet), ("uet_msclkid", Whole)], 90, Shape::Guid),
    Spec { any_case: true, ..click("ScCid", "snapchat", &[("_scclid", Whole)], 365, Shape::Uuid) },
    click("epik", "pinterest", &[("_epik", Whole)], 365, Shape::Opaque(1000)),
    click("li_fat_id", "linkedin", &[("li_fat_id", Whole)], 90, Shape::Uuid),
    click("rdt_cid", "reddit", &[("_rdt_cid", Whole), ("rdt_cid", Whole)], 30, Shape::Opaque(500)),
    click("twclid", "x", &[("twclid", Whole), ("_twclid", TwclidJson)], 90, Shape::Opaque(500)),
    // Outbrain's macro stands in a parameter the advertiser names; `dicbo` is appended by Outbrain itself.
    click("ob_click_id", "outbrain", &[("outbrain_cid", Whole)], 30, Shape::Opaque(512)),
    click("OutbrainClickId", "outbrain", &[], 30, Shape::Opaque(512)),
    click("dicbo", "outbrain", &[], 30, Shape::Opaque(512)),
    click("tblci", "taboola", &[("taboola_cid", Whole)], 90, Shape::Opaque(512)),
    // The name is everybody's, so only what looks like Taboola's ids in its published samples is taken for one.
    click("click_id", "taboola", &[], 90, Shape::Begins("Gi")),
    click("auctid", "teads", &[("tfpai", Whole)], 30, Shape::Opaque(500)),
    // Affiliate networks, as they arrive on a merchant's site.
    click("awc", "awin", &[], 90, Shape::Opaque(255)),
    click("cjevent", "cj", &[], 90, Shape::Opaque(255)),
    click("irclickid", "impact", &[], 90, Shape::Opaque(255)),
    click("im_ref", "impact", &[], 90, Shape::Opaque(255)),
    click("sscid", "shareasale", &[], 90, Shape::Opaque(255)),
    click("clickref", "partnerize", &[], 90, Shape::Opaque(255)),
    click("ranSiteID", "rakuten", &[], 90, Shape::Opaque(255)),
    click("_ef_transaction_id", "everflow", &[], 90, Shape::Opaque(255)),
    click("extclid", "clickbank", &[], 90, Shape::Opaque(255)),
];

type Cookies = &'static [(&'static str, CookieForm)];

const fn click(
    param: &'static str,
    platform: &'static str,
    cookies: Cookies,
    days: u16,
    shape: Shape,
) -> Spec {
    Spec { param, platform, role: Role::Click, any_case: false, cookies, days, shape }
}

const fn label(
    param: &'static str,
    platform: &'static str,
    cookies: Cookies,
    days: u16,
    shape: Shape,
) -> Spec {
    Spec { role: Role::Label, ..click(param, platform, cookies, days, shape) }
}
