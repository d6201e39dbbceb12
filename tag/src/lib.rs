//! The tag.
