//! Changes to a text, and how two changes made at the same time fit together.
//!
//! A text area and the engine each have the text before them; keystrokes and remote edits cross on
//! the way. [`transform`] gives each side what it needs so that both end with the same text
//! (operational transformation with one central order: the engine's). Positions are UTF-16 code units,
//! the DOM's and Automerge's.

use serde::{Deserialize, Serialize};

/// One step through a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Leaves so many units as they are.
    Keep(u32),
    /// Puts text here.
    Insert(String),
    /// Takes so many units away.
    Delete(u32),
}

/// A change of a text, from its start; what lies behind the last step stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextChange {
    steps: Vec<Step>,
}

/// One replacement: at `at`, `delete` units go and `insert` comes. UTF-16 code units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    /// Where, in the text as the splices before this one left it.
    pub at: u32,
    /// How many units go.
    pub delete: u32,
    /// What comes.
    pub insert: String,
}

/// Length in UTF-16 code units.
pub fn utf16_len(text: &str) -> u32 {
    text.chars().map(|c| if c > '\u{ffff}' { 2 } else { 1 }).sum()
}

impl TextChange {
    /// A change that does nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// One replacement.
    pub fn splice(at: u32, delete: u32, insert: &str) -> Self {
        let mut change = Self::none();
        change.keep(at);
        change.delete(delete);
        change.insert(insert);
        change
    }

    /// Several replacements, each in the text as the ones before left it, ascending and not touching
    /// what an earlier one put in.
    pub fn from_splices(splices: &[Splice]) -> Self {
        let mut change = Self::none();
        let mut reached = 0;
        for s in splices {
            change.keep(s.at.saturating_sub(reached));
            change.delete(s.delete);
            change.insert(&s.insert);
            reached = s.at + utf16_len(&s.insert);
        }
        change
    }

    /// The smallest single replacement that turns `old` into `new`. Never splits a character.
    pub fn between(old: &str, new: &str) -> Self {
        let prefix: usize =
            old.chars().zip(new.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
        let (kept, old_rest) = old.split_at(prefix);
        let (_, new_rest) = new.split_at(prefix);
        let suffix: usize = old_rest
            .chars()
            .rev()
            .zip(new_rest.chars().rev())
            .take_while(|(a, b)| a == b)
            .map(|(a, _)| a.len_utf8())
            .sum();
        let (gone, _) = old_rest.split_at(old_rest.len() - suffix);
        let (come, _) = new_rest.split_at(new_rest.len() - suffix);
        Self::splice(utf16_len(kept), utf16_len(gone), come)
    }

    /// Whether it does nothing.
    pub fn is_none(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::Keep(_)))
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// As replacements, each in the text as the ones before left it.
    pub fn splices(&self) -> Vec<Splice> {
        let mut out: Vec<Splice> = Vec::new();
        let mut at = 0;
        let mut open = false;
        for step in &self.steps {
            if let Step::Keep(n) = step {
                at += n;
                open = false;
                continue;
            }
            if !open {
                out.push(Splice { at, delete: 0, insert: String::new() });
                open = true;
            }
            let Some(last) = out.last_mut() else { continue };
            match step {
                Step::Insert(text) => {
                    last.insert.push_str(text);
                    at += utf16_len(text);
                }
                Step::Delete(n) => last.delete += n,
                Step::Keep(_) => {}
            }
        }
        out
    }

    /// The text after the change. Positions beyond the end, or inside a character, are moved to the
    /// nearest place that exists.
    pub fn apply(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 16);
        let mut rest = text;
        for step in &self.steps {
            match step {
                Step::Keep(n) => {
                    let (head, tail) = split_utf16(rest, *n);
                    out.push_str(head);
                    rest = tail;
                }
                Step::Insert(insert) => out.push_str(insert),
                Step::Delete(n) => rest = split_utf16(rest, *n).1,
            }
        }
        out.push_str(rest);
        out
    }

    /// Where a caret at `position` stands after the change, when somebody else made the change.
    pub fn move_caret(&self, position: u32) -> u32 {
        let (mut from, mut to) = (0, 0);
        for step in &self.steps {
            match step {
                Step::Keep(n) => {
                    if position < from + n {
                        break;
                    }
                    from += n;
                    to += n;
                }
                // Text that arrives exactly at the caret stays behind it: the hand keeps its place.
                Step::Insert(text) => {
                    if position > from {
                        to += utf16_len(text);
                    }
                }
                Step::Delete(n) => {
                    if position < from + n {
                        return to;
                    }
                    from += n;
                }
            }
        }
        to + (position - from)
    }

    fn keep(&mut self, n: u32) {
        if n == 0 {
            return;
        }
        if let Some(Step::Keep(m)) = self.steps.last_mut() {
            *m += n;
        } else {
            self.steps.push(Step::Keep(n));
        }
    }

    fn delete(&mut self, n: u32) {
        if n == 0 {
            return;
        }
        if let Some(Step::Delete(m)) = self.steps.last_mut() {
            *m += n;
        } else {
            self.steps.push(Step::Delete(n));
        }
    }

    fn insert(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(Step::Insert(s)) = self.steps.last_mut() {
            s.push_str(text);
        } else {
            self.steps.push(Step::Insert(text.to_owned()));
        }
    }
}

/// Fits two changes of the same text together: `(a after b, b after a)`.
///
/// `apply(apply(text, a), b after a) == apply(apply(text, b), a after b)`. Where both insert at the
/// same place, `a`'s text comes first. What either inserts is kept, even inside what the other deletes.
pub fn transform(a: &TextChange, b: &TextChange) -> (TextChange, TextChange) {
    let (mut a_after, mut b_after) = (TextChange::none(), TextChange::none());
    let (mut steps_a, mut steps_b) = (a.steps.iter().cloned(), b.steps.iter().cloned());
    let (mut next_a, mut next_b) = (steps_a.next(), steps_b.next());
    loop {
        match (next_a.take(), next_b.take()) {
            (Some(Step::Insert(text)), other) => {
                a_after.insert(&text);
                b_after.keep(utf16_len(&text));
                next_a = steps_a.next();
                next_b = other;
            }
            (other, Some(Step::Insert(text))) => {
                b_after.insert(&text);
                a_after.keep(utf16_len(&text));
                next_a = other;
                next_b = steps_b.next();
            }
            (None, None) => return (a_after, b_after),
            // Behind its last step a change keeps everything: only what the other does counts.
            (Some(step), None) => {
                carry(&mut a_after, &mut b_after, &step);
                next_a = steps_a.next();
            }
            (None, Some(step)) => {
                carry(&mut b_after, &mut a_after, &step);
                next_b = steps_b.next();
            }
            (Some(step_a), Some(step_b)) => {
                let n = units(&step_a).min(units(&step_b));
                match (&step_a, &step_b) {
                    (Step::Keep(_), Step::Keep(_)) => {
                        a_after.keep(n);
                        b_after.keep(n);
                    }
                    (Step::Delete(_), Step::Keep(_)) => a_after.delete(n),
                    (Step::Keep(_), Step::Delete(_)) => b_after.delete(n),
                    // Both took it away, or an insert, which the arms above have handled.
                    _ => {}
                }
                next_a = shorten(step_a, n).or_else(|| steps_a.next());
                next_b = shorten(step_b, n).or_else(|| steps_b.next());
            }
        }
    }
}

/// Carries a keep or delete over text that the other change keeps.
fn carry(own: &mut TextChange, other: &mut TextChange, step: &Step) {
    match step {
        Step::Keep(n) => {
            own.keep(*n);
            other.keep(*n);
        }
        Step::Delete(n) => own.delete(*n),
        Step::Insert(_) => {}
    }
}

fn units(step: &Step) -> u32 {
    match step {
        Step::Keep(n) | Step::Delete(n) => *n,
        Step::Insert(_) => 0,
    }
}

fn shorten(step: Step, by: u32) -> Option<Step> {
    match step {
        Step::Keep(n) if n > by => Some(Step::Keep(n - by)),
        Step::Delete(n) if n > by => Some(Step::Delete(n - by)),
        _ => None,
    }
}

/// Splits after `n` UTF-16 units, or at the nearest place before that exists.
fn split_utf16(text: &str, n: u32) -> (&str, &str) {
    let mut left = n;
    let at = text
        .char_indices()
        .find(|(_, c)| {
            let size = if *c > '\u{ffff}' { 2 } else { 1 };
            if left < size {
                return true;
            }
            left -= size;
            false
        })
        .map_or(text.len(), |(at, _)| at);
    text.split_at(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn change_of(text: String) -> impl Strategy<Value = TextChange> {
        // Edits at character boundaries, as text areas make them.
        prop::collection::vec((any::<prop::sample::Index>(), 0_usize..4, "[a-cé😀]{0,3}"), 0..4)
            .prop_map(move |edits| {
                let mut new = text.clone();
                let mut change = TextChange::none();
                let mut composed: Vec<Splice> = Vec::new();
                let mut floor = 0_usize;
                for (at, delete, insert) in edits {
                    let places: Vec<usize> =
                        new.char_indices().map(|(i, _)| i).chain([new.len()]).filter(|i| *i >= floor).collect();
                    let start = at.index(places.len());
                    let end = (start + delete).min(places.len() - 1);
                    let (start, end) = (places[start], places[end]);
                    composed.push(Splice {
                        at: utf16_len(&new[..start]),
                        delete: utf16_len(&new[start..end]),
                        insert: insert.clone(),
                    });
                    new.replace_range(start..end, &insert);
                    floor = start + insert.len();
                }
                change.steps = TextChange::from_splices(&composed).steps;
                change
            })
    }

    fn two_changes() -> impl Strategy<Value = (String, TextChange, TextChange)> {
        "[a-cé😀 ]{0,12}".prop_flat_map(|text| {
            (Just(text.clone()), change_of(text.clone()), change_of(text))
        })
    }

    proptest! {
        #[test]
        fn both_sides_end_with_the_same_text((text, a, b) in two_changes()) {
            let (a_after, b_after) = transform(&a, &b);
            prop_assert_eq!(b_after.apply(&a.apply(&text)), a_after.apply(&b.apply(&text)));
        }

        #[test]
        fn what_either_side_typed_is_kept((text, a, b) in two_changes()) {
            let (a_after, _) = transform(&a, &b);
            let merged = a_after.apply(&b.apply(&text));
            let typed = |change: &TextChange| -> Vec<char> {
                change.splices().iter().flat_map(|s| s.insert.chars().collect::<Vec<_>>()).collect()
            };
            for c in ['a', 'b', 'c', 'é', '😀'] {
                let wanted = typed(&a).iter().chain(&typed(&b)).filter(|t| **t == c).count();
                prop_assert!(merged.chars().filter(|t| *t == c).count() >= wanted);
            }
        }

        #[test]
        fn a_difference_turns_the_old_text_into_the_new(old in "[a-c😀é]{0,10}", new in "[a-c😀é]{0,10}") {
            prop_assert_eq!(TextChange::between(&old, &new).apply(&old), new);
        }

        #[test]
        fn splices_say_the_same_as_the_steps((text, a, _) in two_changes()) {
            let mut spliced = text.clone();
            for s in a.splices() {
                spliced = TextChange::splice(s.at, s.delete, &s.insert).apply(&spliced);
            }
            prop_assert_eq!(spliced, a.apply(&text));
            prop_assert_eq!(TextChange::from_splices(&a.splices()).apply(&text), a.apply(&text));
        }
    }

    #[test]
    fn a_caret_stays_with_the_words_around_it() {
        let typed_before = TextChange::splice(0, 0, "Mara ");
        assert_eq!(typed_before.move_caret(3), 8);
        let typed_at = TextChange::splice(3, 0, "xy");
        assert_eq!(typed_at.move_caret(3), 3);
        let taken = TextChange::splice(1, 4, "");
        assert_eq!(taken.move_caret(3), 1);
        assert_eq!(taken.move_caret(6), 2);
    }
}
