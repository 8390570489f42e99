//! One section of a note as one tab sees it: keystrokes and foreign changes cross on the way.
//!
//! The engine's order is the one that counts. A lane remembers what was sent to its tab and not yet
//! seen there, so that what the tab typed meanwhile lands where the hand meant it.

use std::collections::VecDeque;

use cairn_port::TextChange;
use cairn_port::text::transform;

/// What crosses between the engine and one tab's text area.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    own: u32,
    number: u32,
    unseen: VecDeque<(u32, TextChange)>,
}

impl Lane {
    /// Takes a change of the tab; what it means for the text as the engine has it. `None` when it was
    /// taken before.
    pub(crate) fn typed(&mut self, own: u32, seen: u32, change: TextChange) -> Option<TextChange> {
        if own <= self.own {
            return None;
        }
        self.own = own;
        while self.unseen.front().is_some_and(|(number, _)| *number <= seen) {
            self.unseen.pop_front();
        }
        let mut change = change;
        for (_, foreign) in &mut self.unseen {
            let (foreign_after, change_after) = transform(foreign, &change);
            *foreign = foreign_after;
            change = change_after;
        }
        Some(change)
    }

    /// Takes a change that others made to the text as the engine has it; numbers of the patch and of
    /// the last own change it follows.
    pub(crate) fn foreign(&mut self, change: TextChange) -> (u32, u32) {
        self.number += 1;
        self.unseen.push_back((self.number, change));
        (self.number, self.own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A tab as the screens implement it: own changes not yet taken by the engine, and what it has seen.
    #[derive(Default)]
    struct Tab {
        text: String,
        own: u32,
        seen: u32,
        pending: VecDeque<(u32, TextChange)>,
    }

    #[derive(Debug, Clone)]
    enum Event {
        Type(usize, char),
        Remove(usize),
        Foreign(usize, char),
        ToEngine,
        ToTab,
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            (0_usize..20, prop::char::range('a', 'f')).prop_map(|(at, c)| Event::Type(at, c)),
            (0_usize..20).prop_map(Event::Remove),
            (0_usize..20, prop::char::range('A', 'F')).prop_map(|(at, c)| Event::Foreign(at, c)),
            Just(Event::ToEngine),
            Just(Event::ToTab),
        ]
    }

    fn place(text: &str, at: usize) -> u32 {
        u32::try_from(at % (text.len() + 1)).unwrap()
    }

    proptest! {
        #[test]
        fn a_tab_and_the_engine_end_with_the_same_text(events in prop::collection::vec(event(), 0..60)) {
            let mut engine = String::from("begin");
            let mut lane = Lane::default();
            let mut tab = Tab { text: engine.clone(), ..Tab::default() };
            let mut to_engine: VecDeque<(u32, u32, TextChange)> = VecDeque::new();
            let mut to_tab: VecDeque<(u32, u32, TextChange)> = VecDeque::new();
            let drain = [Event::ToEngine, Event::ToTab].into_iter().cycle().take(400);
            let (mut typed, mut foreign) = (0, 0);
            for event in events.into_iter().chain(drain) {
                match event {
                    Event::Type(..) | Event::Remove(_) => {
                        let change = match event {
                            Event::Type(at, c) => {
                                typed += 1;
                                TextChange::splice(place(&tab.text, at), 0, &c.to_string())
                            }
                            Event::Remove(at) if tab.text.chars().nth(at).is_some_and(|c| c == 'g') => {
                                TextChange::splice(place(&tab.text, at), 1, "")
                            }
                            _ => continue,
                        };
                        tab.text = change.apply(&tab.text);
                        tab.own += 1;
                        tab.pending.push_back((tab.own, change.clone()));
                        to_engine.push_back((tab.own, tab.seen, change));
                    }
                    Event::Foreign(at, c) => {
                        foreign += 1;
                        let change = TextChange::splice(place(&engine, at), 0, &c.to_string());
                        engine = change.apply(&engine);
                        let (number, own) = lane.foreign(change.clone());
                        to_tab.push_back((number, own, change));
                    }
                    Event::ToEngine => {
                        if let Some((own, seen, change)) = to_engine.pop_front() {
                            let change = lane.typed(own, seen, change).expect("each comes once");
                            engine = change.apply(&engine);
                        }
                    }
                    Event::ToTab => {
                        if let Some((number, own, mut change)) = to_tab.pop_front() {
                            tab.pending.retain(|(n, _)| *n > own);
                            for (_, mine) in &mut tab.pending {
                                let (change_after, mine_after) = transform(&change, mine);
                                change = change_after;
                                *mine = mine_after;
                            }
                            tab.text = change.apply(&tab.text);
                            tab.seen = number;
                        }
                    }
                }
            }
            prop_assert_eq!(&tab.text, &engine);
            prop_assert_eq!(engine.chars().filter(char::is_ascii_uppercase).count(), foreign);
            prop_assert!(engine.len() >= typed + foreign);
        }
    }
}
