//! `GET /v1/site/<key>.js`: which parts of the tag a site asks for, as a small module that the tag imports.
//!
//! The files of the parts carry a hash in their names and are kept for ever; this module names them and is asked for
//! again after five minutes, so that a change of the configuration reaches pages without a new snippet. Each part is
//! imported on its own: one that fails leaves the others and the tag alone. Where the site asks for consent by region, the part
//! that knows regions comes along, with those the site names and the country a proxy in front may have named; with `?debug`
//! the overlay does, also where no site has the key.

use bytes::Bytes;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::assets::{Assets, CORP, NOSNIFF, is_known};
use super::reply::{self, Refusal, Reply};
use crate::config::{Asking, Site};

/// The site's key in the module's path.
pub(super) fn key_of(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/site/")?.strip_suffix(".js")
}

/// The answer for a site.
pub(super) fn answer(
    site: Option<&Site>,
    assets: &Assets,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Reply, Refusal> {
    let debug = query == Some("debug");
    let Some(site) = site else { return Ok(unknown(assets, debug)) };
    let told = site.tag.country_header.as_ref();
    let country = told.and_then(|name| headers.get(name)?.to_str().ok()).and_then(country);
    let module = module(site, country, assets, debug);
    let digest: String = Sha256::digest(&module).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let etag = HeaderValue::from_str(&format!("\"{digest}\"")).map_err(|_| Refusal::NotFound)?;
    let mut reply = if is_known(headers.get_all(IF_NONE_MATCH), &etag) {
        let mut reply = Reply::default();
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
        reply
    } else {
        reply::typed(StatusCode::OK, JAVASCRIPT, Bytes::from(module))
    };
    let answer = reply.headers_mut();
    // What was made for one country is not for a cache that serves several.
    let cache = if told.is_some() { "private, max-age=300" } else { "public, max-age=300" };
    answer.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    answer.insert(ETAG, etag);
    open(answer);
    Ok(reply)
}

/// The answer where no site has the key: a refusal that any page may read. Whoever asks for the overlay is given that alone, in
/// a module that runs, to hear on the page what is wrong.
fn unknown(assets: &Assets, debug: bool) -> Reply {
    let mut reply = match assets.part(OVERLAY).filter(|_| debug) {
        Some(_) => {
            let module = text([(OVERLAY, json!({ "unknown": true }))], None, assets);
            reply::typed(StatusCode::OK, JAVASCRIPT, Bytes::from(module))
        }
        None => Refusal::UnknownSiteFile.reply(),
    };
    open(reply.headers_mut());
    reply
}

/// For pages of all origins: there is no secret in it.
fn open(answer: &mut HeaderMap) {
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answer.insert(CORP, HeaderValue::from_static("cross-origin"));
    answer.insert(NOSNIFF, HeaderValue::from_static("nosniff"));
}

const JAVASCRIPT: &str = "text/javascript";
/// The part that comes along when it is asked for.
const OVERLAY: &str = "debug";

/// The module's text for a site.
fn module(site: &Site, country: Option<&str>, assets: &Assets, debug: bool) -> String {
    let region = (site.tag.consent == Asking::Regional).then(|| ("region", regions(&site.tag.regions)));
    let chosen = site.tag.parts.iter().map(|part| (part.name, part.settings.clone()));
    let overlay = debug.then(|| (OVERLAY, json!({})));
    text(region.into_iter().chain(chosen).chain(overlay), country, assets)
}

/// The module's text for these parts, each with what it is told.
fn text(
    parts: impl IntoIterator<Item = (&'static str, Value)>,
    country: Option<&str>,
    assets: &Assets,
) -> String {
    let listed = parts.into_iter().filter_map(|(name, settings)| {
        let file = assets.part(name)?;
        Some(json!([name, format!("../../{file}"), settings]))
    });
    format!("const parts = {};\nconst country = {};\n{START}", Value::from_iter(listed), json!(country))
}

/// What the part `region` is told: the site's own regions, where it names any.
fn regions(own: &[String]) -> Value {
    if own.is_empty() { json!({}) } else { json!({ "regions": own }) }
}

/// A country as a header may name it: two letters; Cloudflare's XX (unknown) and T1 (Tor) are none.
fn country(text: &str) -> Option<&str> {
    (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()) && text != "XX").then_some(text)
}

/// Starts the parts, all files at once, in the order of the list. Before that, and only when an address says that the
/// visitor comes from another of the site's domains, a part may say who it is.
const START: &str = "\
const failed = (name) => (error) => console.warn(`anytrack: the part ${name} does not run on this page:`, error);
const loading = parts.map(([name, file]) => import(file).catch(failed(name)));
export const landing = async (api) => {
  for (const [place, [name, , settings]] of parts.entries()) {
    const part = await loading[place];
    try {
      const visitor = part?.default.landing?.(api, settings);
      if (visitor) return visitor;
    } catch (error) {
      failed(name)(error);
    }
  }
};
export const ready = Promise.all(loading);
export default async (tag) => {
  tag.consent = tag.core.answers;
  tag.visitorCountry = country;
  for (const [place, [name, , settings]] of parts.entries()) {
    const part = await loading[place];
    try {
      part?.default(tag, settings);
    } catch (error) {
      failed(name)(error);
    }
  }
};
";
