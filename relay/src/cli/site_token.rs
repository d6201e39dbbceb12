//! `site-token`: what a site's server would write in place of the site's key, to try it out and to compare with.

use shared::UnixMs;

use super::store::{StoreCommandError, sites};
use crate::collect::site_token::{self, LONGEST_DAYS};
use crate::config::Config;

/// Whose token, and for how long.
#[derive(clap::Args, Debug)]
pub(super) struct Wanted {
    /// Key of the site
    #[arg(long, value_name = "KEY")]
    site: String,
    /// How many hours it is good for
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(i64).range(1..=LONGEST_DAYS * 24))]
    hours: i64,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum SiteTokenError {
    /// No such site.
    #[error(transparent)]
    Site(#[from] StoreCommandError),
    /// The site signs nothing.
    #[error("the site `{site}` has no secret to sign with; add `secret` under [site.token]")]
    NoSecret {
        /// Its key.
        site: String,
    },
}

/// The token.
pub(super) fn run(config: &Config, wanted: &Wanted, now: UnixMs) -> Result<String, SiteTokenError> {
    let Wanted { site: key, hours } = wanted;
    sites(config, Some(key))?;
    let site = config.sites.iter().find(|site| *site.key == **key);
    let token = site.and_then(|site| site.token.as_ref());
    let token = token.ok_or_else(|| SiteTokenError::NoSecret { site: key.clone() })?;
    Ok(site_token::make(&token.secret, key, now.seconds() + hours * 3_600))
}
