//! A rider with any phone: texts, and nothing else.

use ondol_core::booking::Door;
use ondol_core::fact::Lang;
use ondol_core::pin::is_booking_code;
use ondol_core::units::Ticks;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::{Stage, lived, ride};
use crate::city::World;
use crate::city::plan::Wish;
use crate::city::record::RiderNote;
use crate::city::sms::Phone;
use crate::city::street::Lived;

/// How long a rider waits for a first answer before the text is sent again.
const ANSWER_MS: u64 = 120_000;
/// Texts sent for one wish, at most.
const TEXTS_MAX: u8 = 8;
/// Words by which a text is told apart, in both languages.
const CHOOSE: [&str; 2] = ["번호로 답장:", "Send number:"];
const CONFIRM: [&str; 2] = ["1 예, 2 아니요", "1 yes, 2 no"];
const STILL_WANTED: [&str; 2] = ["1 예, 2 취소", "1 yes, 2 cancel"];
const BOOKED: [&str; 4] = ["접수 ", "Booked ", "찾는 중", "finding a car"];
const ASSIGNED: [&str; 5] = ["배차 ", "차가 바뀌었습니다", ": car ", ": new car ", "도착했습니다"];
const CANCELLED: [&str; 2] = ["예약이 취소되었습니다", "is cancelled."];
const NONCE: [&str; 2] = ["취소하려면 ", "reply "];
const UNSERVED: [&str; 2] = ["차를 찾지 못했습니다", "no car could be found"];
const REFUSED: [&str; 8] = [
    "처리할 수 없습니다",
    "접수하지 못했습니다",
    "운행 지역이 아닙니다",
    "승강장이 없습니다",
    "찾지 못했습니다. 역",
    "Not possible now",
    "could not take it",
    "do not serve",
];

/// What a text says to its reader.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    /// A number is asked for: the first will do.
    Choose,
    /// The booking is taken in.
    Booked { code: String, pin: String },
    /// A taxi comes.
    Assigned { code: String, pin: Option<String>, plate: String },
    /// The booking is over.
    Cancelled,
    /// Four digits must be sent back.
    Nonce(String),
    /// No.
    Refused,
    /// Nothing that changes anything.
    Other,
}

/// Lives one wish.
pub async fn live(world: &World, wish: &Wish) {
    let number = number(wish.number);
    let phone = world.network.phone(&number);
    world.tell(wish, RiderNote::Asked { door: Door::Sms, booking: None, pickup: wish.pickup });
    let (rider, street) = unbounded_channel();
    let now = world.clock.now().ticks;
    let mut dialogue = Dialogue {
        world,
        wish,
        phone,
        rider,
        sent: 0,
        waits_since: now,
        gives_up_at: now.plus_ms(world.config.demand.patience_s * 1_000),
        code: None,
        plate: None,
        wants_out: false,
    };
    dialogue.live(street).await;
    world.street.leave(wish.number);
}

struct Dialogue<'w> {
    world: &'w World,
    wish: &'w Wish,
    phone: Phone,
    rider: UnboundedSender<Lived>,
    sent: u8,
    waits_since: Ticks,
    gives_up_at: Ticks,
    code: Option<String>,
    plate: Option<String>,
    wants_out: bool,
}

impl Dialogue<'_> {
    async fn live(&mut self, mut street: tokio::sync::mpsc::UnboundedReceiver<Lived>) {
        self.send(&opening(self.world, self.wish));
        loop {
            tokio::select! {
                Some(event) = street.recv() => {
                    if lived(self.world, self.wish, event) == Stage::Riding {
                        ride(self.world, self.wish, &mut street).await;
                    }
                    return;
                }
                text = self.phone.next() => match text {
                    Some(text) => if self.read(&text) == Stage::Over { return },
                    None => return,
                },
                () = self.world.clock.pass(10_000) => if self.lose_patience() == Stage::Over { return },
            }
        }
    }

    fn read(&mut self, text: &str) -> Stage {
        match said(text) {
            Said::Choose => self.send("1"),
            Said::Booked { code, pin } => self.booked(&code, &pin),
            Said::Assigned { code, pin, plate } => {
                // The first answer was lost, or the taxi was quicker than it.
                if let Some(pin) = pin.filter(|_| self.code.is_none()) {
                    self.booked(&code, &pin);
                }
                if self.plate.as_ref() != Some(&plate) {
                    self.plate = Some(plate.clone());
                    self.world.tell(self.wish, RiderNote::Assigned { plate });
                }
            }
            Said::Nonce(nonce) if self.wants_out => self.send(&nonce),
            Said::Cancelled => {
                let by = if self.wants_out { "rider" } else { "us" };
                self.world.tell(self.wish, RiderNote::Cancelled { by: by.into() });
                return Stage::Over;
            }
            Said::Refused if self.code.is_none() => {
                let code = text.chars().take(60).collect();
                self.world.tell(self.wish, RiderNote::Refused { code });
                return Stage::Over;
            }
            Said::Nonce(_) | Said::Refused | Said::Other => {}
        }
        Stage::Waiting
    }

    fn booked(&mut self, code: &str, pin: &str) {
        if self.code.is_some() {
            return;
        }
        self.code = Some(code.to_owned());
        let note = RiderNote::Acknowledged { booking: None, code: code.to_owned(), node: "text".to_owned() };
        self.world.tell(self.wish, note);
        let places = (self.wish.pickup, self.wish.dropoff);
        self.world.street.wait(self.wish.number, (code, pin), places, self.rider.clone());
    }

    /// Asks again without an answer; cancels without a taxi.
    fn lose_patience(&mut self) -> Stage {
        let now = self.world.clock.now().ticks;
        if self.code.is_none() && now >= self.gives_up_at.plus_ms(ANSWER_MS) {
            self.world.tell(self.wish, RiderNote::Unanswered {});
            return Stage::Over;
        }
        if now >= self.gives_up_at && self.plate.is_none() && now.since_ms(self.waits_since) > ANSWER_MS {
            self.wants_out = true;
            self.send("C");
        } else if self.code.is_none() && now.since_ms(self.waits_since) > ANSWER_MS {
            let again = if self.wish.lang == Lang::Ko { "상태" } else { "status" };
            self.send(again);
        }
        Stage::Waiting
    }

    fn send(&mut self, body: &str) {
        if self.sent >= TEXTS_MAX {
            return;
        }
        self.sent += 1;
        self.waits_since = self.world.clock.now().ticks;
        let at = self.world.clock.now().utc;
        if let Err(error) = self.world.network.send(&self.phone.number, body, at, &self.world.recorder) {
            tracing::warn!(%error, "a text could not be sent");
        }
    }
}

/// A number that is given to nobody in Korea, each rider another.
#[must_use]
pub fn number(wish: u32) -> String {
    format!("+82100{:03}{:04}", 500 + wish % 400, wish / 400)
}

fn opening(world: &World, wish: &Wish) -> String {
    let place = match wish.stand {
        Some(stand) => format!("#{stand}"),
        None => world.city.map().reverse(wish.pickup).map_or_else(|| "#1".to_owned(), |hit| hit.name_local),
    };
    match wish.lang {
        Lang::Ko => format!("택시 {place}"),
        Lang::En => format!("TAXI {place}"),
    }
}

fn said(text: &str) -> Said {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || matches!(c, ':' | '(' | ')' | '.' | ',')).collect();
    let code = words.iter().find(|word| is_booking_code(word)).map(|word| (*word).to_owned());
    let pin = text.split("PIN ").nth(1).map(|rest| rest.chars().take_while(char::is_ascii_digit).collect());
    let pin: Option<String> = pin.filter(|pin: &String| pin.len() == 4);
    if has(&CHOOSE) || has(&CONFIRM) || has(&STILL_WANTED) {
        return Said::Choose;
    }
    if has(&CANCELLED) {
        return Said::Cancelled;
    }
    match (code, pin) {
        (Some(code), Some(pin)) if has(&BOOKED) => Said::Booked { code, pin },
        (Some(code), pin) if has(&ASSIGNED) => match plate(text) {
            Some(plate) => Said::Assigned { code, pin, plate },
            None => Said::Other,
        },
        (Some(_), None) if has(&NONCE) => {
            let digits = |word: &&&str| word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit());
            words.iter().find(digits).map_or(Said::Other, |nonce| Said::Nonce((*nonce).to_owned()))
        }
        _ if has(&UNSERVED) => Said::Other,
        _ if has(&REFUSED) => Said::Refused,
        _ => Said::Other,
    }
}

/// A plate ends in four digits after a Hangul letter: `서울33바1234`.
fn plate(text: &str) -> Option<String> {
    let is_plate = |word: &&str| {
        let letters: Vec<char> = word.chars().collect();
        letters.len() > 5
            && letters[letters.len() - 4..].iter().all(char::is_ascii_digit)
            && ('가'..='힣').contains(&letters[letters.len() - 5])
    };
    text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '.')).find(is_plate).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ondol_core::ids::BookingId;
    use ondol_core::pin::booking_code;

    #[test]
    fn texts_say_what_they_say() {
        let code = booking_code(BookingId::from_number(3));
        let booked = || Said::Booked { code: code.clone(), pin: "0420".into() };
        let assigned =
            || Said::Assigned {
                code: code.clone(), pin: Some("0420".into()), plate: "서울33바1234".into()
            };
        for (text, meaning) in [
            (format!("접수 {code} 시청역. PIN 0420. 배차되면 알려드립니다. 취소 C"), booked()),
            (format!("접수 {code} 시청역. PIN 0420. 통신 장애로 지역에서 배차합니다."), booked()),
            (format!("Booked {code} City Hall. PIN 0420. Cancel: C"), booked()),
            (format!("배차 {code}: 서울33바1234 약 5분. 탈 때 PIN 0420"), assigned()),
            (format!("{code}: car 서울33바1234 in 5 min. Tell driver PIN 0420"), assigned()),
            (format!("서울33바1234 도착했습니다({code}). 탈 때 PIN 0420"), assigned()),
            ("탈 곳 번호로 답장:\n1 시청\n2 시청역".into(), Said::Choose),
            ("시청에서 택시를 부를까요? 1 예, 2 아니요".into(), Said::Choose),
            (format!("{code} 예약이 취소되었습니다."), Said::Cancelled),
            (format!("이미 차가 가고 있습니다. {code} 취소하려면 4821 답장"), Said::Nonce("4821".into())),
            ("지금은 처리할 수 없습니다. 02-000-0000 번으로 전화해 주세요.".into(), Said::Refused),
            ("지금 배차실과 연결 중입니다. 연결되는 대로 답장을 드리겠습니다.".into(), Said::Other),
            (format!("{code} 차를 찾지 못했습니다. 죄송합니다. 문의 02-000-0000"), Said::Other),
        ] {
            assert_eq!(said(&text), meaning, "{text}");
        }
    }

    #[test]
    fn numbers_differ() {
        let numbers: std::collections::BTreeSet<String> = (0..20_000).map(number).collect();
        assert_eq!(numbers.len(), 20_000);
        assert!(numbers.iter().all(|number| number.len() == 13));
    }
}
