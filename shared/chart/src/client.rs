//! A client's particulars.

use cairn_port::ClientChange;

use crate::document::{Document, EditError, Kind};

/// A new client.
pub fn create(name: &str, pronouns: &str, actor: [u8; 16]) -> Result<Document, EditError> {
    let mut document = Document::begin(Kind::Client, actor);
    apply(&mut document, &ClientChange::Name(name.to_owned()))?;
    apply(&mut document, &ClientChange::Pronouns(pronouns.to_owned()))?;
    Ok(document)
}

/// Changes the particulars.
pub fn apply(document: &mut Document, change: &ClientChange) -> Result<(), EditError> {
    document.editable()?;
    match change {
        ClientChange::Name(name) if name.trim().is_empty() => Err(EditError::NameMissing),
        ClientChange::Name(name) => document.put_line("name", name),
        ClientChange::Pronouns(pronouns) => document.put_line("pronouns", pronouns),
    }
}

/// The name to use.
pub fn name(document: &Document) -> String {
    document.line("name").unwrap_or_default()
}

/// Pronouns; may be empty.
pub fn pronouns(document: &Document) -> String {
    document.line("pronouns").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_a_name_of_reasonable_length() {
        let mut client = create(" Mara Voss ", "she/her", [1; 16]).unwrap();
        assert_eq!((name(&client).as_str(), pronouns(&client).as_str()), ("Mara Voss", "she/her"));
        assert_eq!(apply(&mut client, &ClientChange::Name(" ".into())), Err(EditError::NameMissing));
        assert_eq!(apply(&mut client, &ClientChange::Name("x".repeat(401))), Err(EditError::TooLong));
        assert_eq!(name(&client), "Mara Voss");
        assert_eq!(create("", "", [1; 16]).err(), Some(EditError::NameMissing));
    }
}
