//! The practice itself.

use crate::document::{Document, EditError, Kind};

/// A new practice.
pub fn create(name: &str, sample: bool, actor: [u8; 16]) -> Result<Document, EditError> {
    let mut document = Document::begin(Kind::Practice, actor);
    document.put_line("name", name)?;
    document.put("sample", sample);
    Ok(document)
}

/// Its name; may be empty.
pub fn name(document: &Document) -> String {
    document.line("name").unwrap_or_default()
}

/// Whether everybody in it is invented.
pub fn is_sample(document: &Document) -> bool {
    document.flag("sample")
}
