//! One line for each document, so that lists need no document opened.

use std::collections::{BTreeMap, BTreeSet};

use cairn_port::view::{Caseload, ClientRow, ClientView, NoteRow};
use cairn_port::{ClientId, Date, NoteId};
use serde::{Deserialize, Serialize};

use crate::document::{Document, Kind};
use crate::{client, format, note, practice};

/// Characters of a note shown in a list.
const EXCERPT: usize = 120;
/// Drafts shown in the list of all drafts.
const DRAFTS: usize = 50;
const VERSION: u8 = 1;

/// What a document's id is, here.
pub type Id = [u8; 16];

/// A document in the lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Line {
    /// The practice.
    Practice {
        /// Its name.
        name: String,
        /// Everybody in it is invented.
        sample: bool,
    },
    /// A client.
    Client {
        /// The name to use.
        name: String,
        /// Pronouns.
        pronouns: String,
    },
    /// A progress note.
    Note {
        /// For whom.
        client: ClientId,
        /// Day of the session.
        date: Date,
        /// The format's key.
        format: String,
        /// The first words.
        excerpt: String,
        /// Not signed.
        draft: bool,
    },
    /// Not complete yet, or of a kind this program does not know.
    Unknown,
}

impl Line {
    /// The line of a document.
    pub fn of(document: &Document) -> Self {
        let line = || {
            Some(match document.kind()? {
                Kind::Practice => {
                    Self::Practice { name: practice::name(document), sample: practice::is_sample(document) }
                }
                Kind::Client => {
                    Self::Client { name: client::name(document), pronouns: client::pronouns(document) }
                }
                Kind::Note => Self::Note {
                    client: note::client(document)?,
                    date: note::date(document)?,
                    format: note::format_key(document),
                    excerpt: excerpt(document),
                    draft: true,
                },
            })
        };
        line().unwrap_or(Self::Unknown)
    }

    /// For storage.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend(postcard::to_allocvec(self).unwrap_or_default());
        out
    }

    /// From storage; `None` when another version wrote it: the line is then made anew.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        (*version == VERSION).then(|| postcard::from_bytes(rest).ok())?
    }
}

fn excerpt(document: &Document) -> String {
    let sections = note::sections(document);
    let text = sections.iter().map(|s| s.text.trim()).find(|text| !text.is_empty()).unwrap_or_default();
    let mut words = text.split_whitespace();
    let mut out = String::new();
    for word in words.by_ref() {
        if out.chars().count() + word.chars().count() + 1 > EXCERPT {
            out.push('…');
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// All lines, ready to be asked.
#[derive(Debug, Default)]
pub struct Index {
    lines: BTreeMap<Id, Line>,
    notes_of: BTreeMap<ClientId, BTreeSet<(Date, Id)>>,
    drafts: BTreeSet<(Date, Id)>,
}

impl Index {
    /// Sets a document's line.
    pub fn insert(&mut self, id: Id, line: Line) {
        self.remove(&id);
        if let Line::Note { client, date, draft, .. } = &line {
            self.notes_of.entry(*client).or_default().insert((*date, id));
            if *draft {
                self.drafts.insert((*date, id));
            }
        }
        self.lines.insert(id, line);
    }

    /// Takes a document's line out.
    pub fn remove(&mut self, id: &Id) {
        if let Some(Line::Note { client, date, .. }) = self.lines.remove(id) {
            if let Some(notes) = self.notes_of.get_mut(&client) {
                notes.remove(&(date, *id));
            }
            self.drafts.remove(&(date, *id));
        }
    }

    /// A document's line.
    pub fn line(&self, id: &Id) -> Option<&Line> {
        self.lines.get(id)
    }

    /// The practice's document, its name, and whether it is a sample.
    pub fn practice(&self) -> Option<(Id, &str, bool)> {
        self.lines.iter().find_map(|(id, line)| match line {
            Line::Practice { name, sample } => Some((*id, name.as_str(), *sample)),
            _ => None,
        })
    }

    /// A client's name.
    pub fn client_name(&self, client: ClientId) -> Option<&str> {
        match self.lines.get(&client.0)? {
            Line::Client { name, .. } => Some(name),
            _ => None,
        }
    }

    /// How many clients and notes there are.
    pub fn counts(&self) -> (u32, u32) {
        let count = |is: fn(&Line) -> bool| {
            u32::try_from(self.lines.values().filter(|line| is(line)).count()).unwrap_or(u32::MAX)
        };
        (count(|l| matches!(l, Line::Client { .. })), count(|l| matches!(l, Line::Note { .. })))
    }

    /// All clients by name, and the oldest drafts.
    pub fn caseload(&self) -> Caseload {
        let mut clients: Vec<(String, ClientRow)> = self
            .lines
            .iter()
            .filter_map(|(id, line)| match line {
                Line::Client { name, pronouns } => {
                    let id = ClientId(*id);
                    let notes = self.notes_of.get(&id);
                    let drafts = notes.map_or(0, |n| n.iter().filter(|note| self.drafts.contains(*note)).count());
                    let row = ClientRow {
                        id,
                        name: name.clone(),
                        pronouns: pronouns.clone(),
                        notes: notes.map_or(0, |n| u32::try_from(n.len()).unwrap_or(u32::MAX)),
                        drafts: u32::try_from(drafts).unwrap_or(u32::MAX),
                        last: notes.and_then(|n| n.last()).map(|(date, _)| *date),
                    };
                    Some((name.to_lowercase(), row))
                }
                _ => None,
            })
            .collect();
        clients.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.id.cmp(&b.1.id)));
        Caseload {
            clients: clients.into_iter().map(|(_, row)| row).collect(),
            drafts: self.drafts.iter().take(DRAFTS).filter_map(|(_, id)| self.note_row(id)).collect(),
            draft_count: u32::try_from(self.drafts.len()).unwrap_or(u32::MAX),
        }
    }

    /// One client and the notes, newest first.
    pub fn client_view(&self, id: ClientId) -> Option<ClientView> {
        let Line::Client { name, pronouns } = self.lines.get(&id.0)? else {
            return None;
        };
        let notes: Vec<NoteRow> = self
            .notes_of
            .get(&id)
            .into_iter()
            .flat_map(|notes| notes.iter().rev())
            .filter_map(|(_, note)| self.note_row(note))
            .collect();
        let used_last = self.notes_of.get(&id).and_then(|notes| notes.last()).and_then(|(_, note)| {
            match self.lines.get(note)? {
                Line::Note { format, .. } => Some(format.as_str()),
                _ => None,
            }
        });
        Some(ClientView {
            id,
            name: name.clone(),
            pronouns: pronouns.clone(),
            notes,
            formats: format::choices(used_last),
        })
    }

    fn note_row(&self, id: &Id) -> Option<NoteRow> {
        let Line::Note { client, date, format, excerpt, draft } = self.lines.get(id)? else {
            return None;
        };
        Some(NoteRow {
            id: NoteId(*id),
            client: *client,
            client_name: self.client_name(*client).unwrap_or_default().to_owned(),
            date: *date,
            format: format::format(format).map_or_else(|| format.clone(), |f| f.name.to_owned()),
            draft: *draft,
            excerpt: excerpt.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: u8) -> Date {
        Date::new(2026, 11, day).unwrap()
    }

    fn note_line(client: u8, on: u8, excerpt: &str) -> Line {
        let format = "dap".to_owned();
        Line::Note { client: ClientId([client; 16]), date: day(on), format, excerpt: excerpt.into(), draft: true }
    }

    fn client_line(name: &str) -> Line {
        Line::Client { name: name.into(), pronouns: String::new() }
    }

    #[test]
    fn clients_stand_by_name_and_notes_newest_first() {
        let mut index = Index::default();
        index.insert([1; 16], client_line("émile"));
        index.insert([2; 16], client_line("Zoë"));
        index.insert([3; 16], client_line("Adaeze"));
        index.insert([10; 16], note_line(2, 3, "old"));
        index.insert([11; 16], note_line(2, 20, "new"));
        index.insert([11; 16], note_line(2, 21, "newer"));
        let caseload = index.caseload();
        let names: Vec<_> = caseload.clients.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["Adaeze", "Zoë", "émile"]);
        assert_eq!((caseload.clients[1].notes, caseload.clients[1].last), (2, Some(day(21))));
        assert_eq!(caseload.drafts[0].excerpt, "old");
        let zoe = index.client_view(ClientId([2; 16])).unwrap();
        let excerpts: Vec<_> = zoe.notes.iter().map(|n| n.excerpt.as_str()).collect();
        assert_eq!(excerpts, ["newer", "old"]);
        assert_eq!(zoe.formats[0].key, "dap");
        index.remove(&[11; 16]);
        assert_eq!(index.client_view(ClientId([2; 16])).unwrap().notes.len(), 1);
        assert_eq!(index.client_view(ClientId([10; 16])), None);
    }

    #[test]
    fn a_line_comes_back_and_one_of_another_version_is_made_anew() {
        let line = note_line(1, 2, "…");
        assert_eq!(Line::decode(&line.encode()), Some(line.clone()));
        let mut other = line.encode();
        other[0] = 9;
        assert_eq!(Line::decode(&other), None);
        assert_eq!(Line::decode(&[]), None);
    }
}
