//! Formats of the ad platforms' own first-party cookies.
