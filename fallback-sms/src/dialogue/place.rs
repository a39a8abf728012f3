//! From a place's name to a spot on the map.

use super::{Asking, Doubt, Draft, End, NodeRequest, OPTIONS_MAX, Step, Work};
use crate::grammar::PlaceWord;
use crate::wire::{Place, Spot};

impl Step<'_> {
    /// Looks for one end of a ride; saved places were put into the draft's words before (see `known`).
    pub(super) fn look_for(&mut self, mut draft: Draft, end: End, word: PlaceWord) {
        match end {
            End::Pickup => draft.fields.pickup = word.clone(),
            End::Destination => draft.fields.destination = Some(word.clone()),
        }
        let request = match word {
            PlaceWord::Stand(code) => NodeRequest::Stand { code },
            PlaceWord::Named(query) => NodeRequest::Places { query, near: draft.near },
            PlaceWord::Missing | PlaceWord::Last | PlaceWord::Home | PlaceWord::Work => {
                self.say("sms-ask-place", &[]);
                return self.ask_person(Asking::Where(draft));
            }
        };
        self.ask_node(request, Work::Place { draft, end });
    }

    /// The gazetteer answered.
    pub(super) fn found(&mut self, draft: Draft, end: End, places: Vec<Place>) {
        let word = match end {
            End::Pickup => draft.fields.pickup.clone(),
            End::Destination => draft.fields.destination.clone().unwrap_or(PlaceWord::Missing),
        };
        let usable: Vec<Place> =
            places.into_iter().filter(|place| place.position.is_on_earth()).take(OPTIONS_MAX).collect();
        match verdict(&word, &usable) {
            Verdict::Nowhere => self.nowhere(draft, end, &word),
            Verdict::Here(place) => {
                let spot = spot(place);
                if end == End::Pickup && draft.doubtful == Doubt::Doubtful {
                    self.confirm(draft, spot);
                } else {
                    self.settled(draft, end, spot);
                }
            }
            Verdict::Perhaps(place) => {
                let spot = spot(place);
                match end {
                    End::Pickup => self.confirm(draft, spot),
                    End::Destination => self.settled(draft, end, spot),
                }
            }
            Verdict::OneOf => self.choose(draft, end, &usable),
        }
    }

    fn nowhere(&mut self, mut draft: Draft, end: End, word: &PlaceWord) {
        match (end, word) {
            // The driver can be told the destination: it must not cost the rider the taxi.
            (End::Destination, _) => {
                draft.fields.destination = None;
                self.proceed(draft);
            }
            (End::Pickup, PlaceWord::Stand(code)) => {
                self.say("sms-stand-unknown", &[("stand", &code.to_string())]);
                self.ask_person(Asking::Where(draft));
            }
            (End::Pickup, _) => {
                self.say("sms-place-unknown", &[]);
                self.ask_person(Asking::Where(draft));
            }
        }
    }

    pub(super) fn confirm(&mut self, draft: Draft, spot: Spot) {
        self.say("sms-confirm-place", &[("place", &spot.name)]);
        self.ask_person(Asking::Choose { draft, end: End::Pickup, options: vec![spot] });
    }

    fn choose(&mut self, draft: Draft, end: End, places: &[Place]) {
        let labels: Vec<String> = places.iter().map(|place| label(place, places)).collect();
        let template = match end {
            End::Pickup => "sms-choose-pickup",
            End::Destination => "sms-choose-destination",
        };
        self.say(template, &[("list", &labels.join("\n"))]);
        let options = places.iter().map(spot).collect();
        self.ask_person(Asking::Choose { draft, end, options });
    }

    /// A number of the list came back. With one option, 1 is yes and 2 is no.
    pub(super) fn chosen(&mut self, draft: Draft, end: End, options: Vec<Spot>, choice: usize) {
        let only = options.len() == 1;
        match choice.checked_sub(1).and_then(|index| options.get(index)) {
            Some(spot) => self.settled(draft, end, spot.clone()),
            None if only && choice == 2 => self.say("sms-not-booked", &[]),
            None => {
                self.say("sms-not-understood", &[]);
                self.ask_person(Asking::Choose { draft, end, options });
            }
        }
    }

    fn settled(&mut self, mut draft: Draft, end: End, spot: Spot) {
        match end {
            End::Pickup => draft.pickup = Some(spot),
            End::Destination => draft.destination = Some(spot),
        }
        self.proceed(draft);
    }
}

enum Verdict<'a> {
    Nowhere,
    Here(&'a Place),
    Perhaps(&'a Place),
    OneOf,
}

/// One place, or the only one of exactly this name, is it; a single one of another name is asked about.
fn verdict<'a>(word: &PlaceWord, places: &'a [Place]) -> Verdict<'a> {
    let Some(first) = places.first() else { return Verdict::Nowhere };
    let PlaceWord::Named(query) = word else { return Verdict::Here(first) };
    let query = fold(query);
    let mut exact = places.iter().filter(|place| fold(&place.name) == query);
    match (exact.next(), exact.next()) {
        (Some(place), None) => return Verdict::Here(place),
        (Some(_), Some(_)) => return Verdict::OneOf,
        (None, _) => {}
    }
    if places.len() > 1 {
        return Verdict::OneOf;
    }
    let name = fold(&first.name);
    if name.contains(&query) || query.contains(&name) {
        Verdict::Here(first)
    } else {
        Verdict::Perhaps(first)
    }
}

/// Lower case without spaces and hyphens: `강남역 11번출구` and `강남역 11번 출구` are one.
fn fold(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_lowercase).collect()
}

fn label(place: &Place, all: &[Place]) -> String {
    let twins = all.iter().filter(|other| other.name == place.name).count() > 1;
    match (&place.detail, twins) {
        (Some(detail), true) => format!("{} {detail}", place.name),
        _ => place.name.clone(),
    }
}

pub(super) fn spot(place: &Place) -> Spot {
    Spot {
        name: place.name.chars().take(crate::wire::NAME_MAX_CHARS).collect(),
        position: place.position,
        stand_code: place.stand_code,
    }
}
