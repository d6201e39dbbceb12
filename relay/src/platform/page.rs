//! Pages: the addresses of a page and its referrer, as a platform may be told them.
//!
//! Full web addresses only; what is none is left out. Personal data was taken out of them where they entered.

use url::Url;

/// `text` if it is a full http or https address.
pub(super) fn web_address(text: Option<&str>) -> Option<&str> {
    text.filter(|text| Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_full_web_addresses() {
        let check = |text, right: bool| assert_eq!(web_address(Some(text)).is_some(), right, "{text}");
        check("https://shop.example/thanks?o=1", true);
        check("http://shop.example", true);
        check("/thanks", false);
        check("about:blank", false);
        check("file:///index.html", false);
        check("javascript:void(0)", false);
        check("https://", false);
    }
}
