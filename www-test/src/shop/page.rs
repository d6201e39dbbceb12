//! The shop's pages: hand-written HTML with `{{holes}}`, filled by name.
//!
//! Text is escaped on the way in; the few holes that take markup say so in their name's call ([`Fill::markup`]).

use super::Snippet;
use super::catalogue::{self, LAMPS, Lamp};

const LAYOUT: &str = include_str!("../../pages/shop/layout.html");
const PANEL: &str = include_str!("../../pages/shop/panel.html");
const LANDING: &str = include_str!("../../pages/shop/landing.html");
const CARD: &str = include_str!("../../pages/shop/card.html");
const PRODUCT: &str = include_str!("../../pages/shop/product.html");
const CART: &str = include_str!("../../pages/shop/cart.html");
const CHECKOUT: &str = include_str!("../../pages/shop/checkout.html");
const THANKS: &str = include_str!("../../pages/shop/thanks.html");
const MISSING: &str = include_str!("../../pages/shop/missing.html");

/// How many other lamps a product page shows.
const ALSO: usize = 3;

/// The page at `path`, or `None`.
pub(super) fn render(path: &str, snippet: &Snippet) -> Option<String> {
    if let Some(slug) = path.strip_prefix("/product/") {
        return catalogue::lamp(slug).map(|lamp| whole(&lamp.name, "product", product(lamp), snippet));
    }
    let (title, page, main) = match path {
        "/" => ("Lamps for the evening", "landing", landing()),
        "/cart" => ("Cart", "cart", CART.to_owned()),
        "/checkout" => ("Checkout", "checkout", CHECKOUT.to_owned()),
        "/thanks" => ("Thank you", "thanks", THANKS.to_owned()),
        _ => return None,
    };
    Some(whole(title, page, main, snippet))
}

/// The page for every path that has none.
pub(super) fn missing(snippet: &Snippet) -> String {
    whole("Nothing here", "missing", MISSING.to_owned(), snippet)
}

fn whole(title: &str, page: &str, main: String, snippet: &Snippet) -> String {
    Fill::new(LAYOUT)
        .text("title", title)
        .text("page", page)
        .markup("snippet", snippet.html())
        .markup("panel", PANEL)
        // A catalogue with `</script` in it would end the element that carries it.
        .markup("catalogue", &catalogue::JSON.replace('<', "\\u003c"))
        .markup("main", &main)
        .done()
}

fn landing() -> String {
    Fill::new(LANDING).markup("cards", &cards(LAMPS.iter())).done()
}

fn product(lamp: &Lamp) -> String {
    let facts: String = lamp.facts.iter().map(|(term, value)| fact(term, value)).collect();
    let others = LAMPS.iter().filter(|other| other.id != lamp.id).take(ALSO);
    Fill::new(PRODUCT)
        .text("id", &lamp.id)
        .text("slug", &lamp.slug)
        .text("name", &lamp.name)
        .text("kind", &lamp.kind)
        .text("price", &euros(lamp.price))
        .text("about", &lamp.about)
        .markup("facts", &facts)
        .markup("cards", &cards(others))
        .done()
}

fn fact(term: &str, value: &str) -> String {
    format!("<div><dt>{}</dt><dd>{}</dd></div>", escaped(term), escaped(value))
}

fn cards<'a>(lamps: impl Iterator<Item = &'a Lamp>) -> String {
    lamps
        .map(|lamp| {
            Fill::new(CARD)
                .text("slug", &lamp.slug)
                .text("name", &lamp.name)
                .text("line", &lamp.line)
                .text("price", &euros(lamp.price))
                .done()
        })
        .collect()
}

/// Whole euros without cents, as the pages' script writes them.
fn euros(price: f64) -> String {
    format!("{price:.2}").trim_end_matches(".00").to_owned()
}

/// A page with holes.
pub(super) struct Fill(String);

impl Fill {
    /// Starts from a page's text.
    pub(super) fn new(page: &str) -> Self {
        Self(page.to_owned())
    }

    /// Fills a hole with text, escaped for content and for attributes in double quotes.
    pub(super) fn text(self, hole: &str, text: &str) -> Self {
        let escaped = escaped(text);
        self.markup(hole, &escaped)
    }

    /// Fills a hole with markup of our own.
    pub(super) fn markup(self, hole: &str, markup: &str) -> Self {
        Self(self.0.replace(&format!("{{{{{hole}}}}}"), markup))
    }

    /// The finished page.
    pub(super) fn done(self) -> String {
        self.0
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: [&str; 10] = [
        "/",
        "/cart",
        "/checkout",
        "/thanks",
        "/product/dome",
        "/product/orb",
        "/product/arc",
        "/product/bell",
        "/product/reed",
        "/product/wedge",
    ];

    #[test]
    fn every_page_is_filled_and_carries_the_snippet_before_its_own_script() {
        let snippet = Snippet::plain("http://127.0.0.1:9", "shop");
        for path in PATHS {
            let html = render(path, &snippet).expect(path);
            assert!(!html.contains("{{"), "{path} has an open hole");
            let tag = html.find("/tag.js").expect(path);
            assert!(tag < html.find("/shop.js").expect(path), "{path}: the shop's script must find the stub");
        }
        assert!(render("/nowhere", &snippet).is_none());
        assert!(render("/product/nothing", &snippet).is_none());
    }

    #[test]
    fn no_page_loads_anything_from_elsewhere() {
        let snippet = Snippet::plain("http://127.0.0.1:9", "shop");
        for path in PATHS {
            let html = render(path, &snippet).expect(path).replace(snippet.html(), "");
            assert!(!html.contains("src=\"http") && !html.contains("href=\"http"), "{path}");
        }
    }

    #[test]
    fn text_cannot_become_markup() {
        let page = Fill::new("<p title=\"{{a}}\">{{a}}</p>").text("a", "\"<b>&").done();
        assert_eq!(page, "<p title=\"&quot;&lt;b&gt;&amp;\">&quot;&lt;b&gt;&amp;</p>");
    }

    #[test]
    fn prices_read_like_prices() {
        let check = |price, text| assert_eq!(euros(price), text);
        check(129.0, "129");
        check(9.5, "9.50");
        check(100.0, "100");
    }
}
