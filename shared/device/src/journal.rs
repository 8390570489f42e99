//! What was typed since a note's last change, so that not even a killed tab loses it.

use cairn_port::TextChange;

const VERSION: u8 = 1;

/// The journal row of one note, before sealing: sections and changes, in the order they were made.
pub(crate) fn encode(changes: &[(String, TextChange)]) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.extend(postcard::to_allocvec(changes).unwrap_or_default());
    out
}

/// Reads a journal row.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<(String, TextChange)>> {
    let (version, rest) = bytes.split_first()?;
    (*version == VERSION).then(|| postcard::from_bytes(rest).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_comes_back() {
        let changes = vec![("plan".to_owned(), TextChange::splice(3, 1, "é🌒"))];
        assert_eq!(decode(&encode(&changes)), Some(changes));
        assert_eq!(decode(&[2, 0]), None);
        assert_eq!(decode(&[]), None);
    }
}
