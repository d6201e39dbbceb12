//! What a visitor's hands can do besides a plain click: other buttons, keys held down, two clicks, the Enter key.
//!
//! The events come from the browser itself, so a page cannot tell them from a visitor's.

use fantoccini::Locator;
use fantoccini::key::Key;
use serde_json::{Value, json};

use super::{Browser, BrowserError};

/// The Alt key, for [`Mouse::Left`].
pub const ALT: u8 = 1;
/// The Control key, for [`Mouse::Left`].
pub const CTRL: u8 = 2;

/// A way to click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mouse {
    /// The left button while keys are held down: [`ALT`], [`CTRL`], their sum.
    Left(u8),
    /// The middle button.
    Middle,
    /// The right button, which opens a menu.
    Right,
    /// Twice with the left button.
    Double,
}

impl Browser {
    /// Clicks the middle of an element.
    ///
    /// # Errors
    /// When there is no such element in time.
    pub async fn mouse(&self, css: &str, gesture: Mouse) -> Result<(), BrowserError> {
        self.wait_for_element(css).await?;
        let middle = self
            .eval(&format!(
                "var found = document.querySelector({}); found.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
                 var box = found.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]",
                json!(css)
            ))
            .await?;
        let (button, modifiers, clicks) = match gesture {
            Mouse::Left(modifiers) => ("left", modifiers, 1),
            Mouse::Middle => ("middle", 0, 1),
            Mouse::Right => ("right", 0, 1),
            Mouse::Double => ("left", 0, 2),
        };
        for click in 1..=clicks {
            for kind in ["mousePressed", "mouseReleased"] {
                let event = json!({
                    "type": kind, "x": middle[0], "y": middle[1],
                    "button": button, "clickCount": click, "modifiers": modifiers,
                });
                self.devtools("Input.dispatchMouseEvent", event).await.map(|_: Value| ())?;
            }
        }
        Ok(())
    }

    /// Gives an element the focus and presses Enter.
    ///
    /// # Errors
    /// When there is no such element in time, or it cannot have the focus.
    pub async fn press_enter(&self, css: &str) -> Result<(), BrowserError> {
        self.wait_for_element(css).await?;
        let element = self.client.find(Locator::Css(css)).await?;
        Ok(element.send_keys(&Key::Enter.to_string()).await?)
    }
}
