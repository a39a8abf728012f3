//! A driver with a feature phone: `ON 12`, `1K`, `H`, `P 4821`, `E 12400`, and what comes back.

use std::sync::Arc;

use anyhow::Result;
use ondol_core::pin::is_booking_code;
use ondol_core::position::Position;
use ondol_core::tariff::Tariff;
use ondol_core::units::Ticks;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::city::World;
use crate::city::geo::Drive;
use crate::city::record::DriverNote;
use crate::city::roster::{Listed, e164};
use crate::city::sms::Phone;

/// Time to read and type.
const TYPE_MS: std::ops::Range<u64> = 5_000..12_000;
/// Time until the rider is in, and until the fare is paid.
const BOARD_MS: std::ops::Range<u64> = 15_000..45_000;
const PAY_MS: std::ops::Range<u64> = 10_000..25_000;
/// A command without an answer is sent again after this.
const AGAIN_MS: u64 = 120_000;
/// How long a driver waits for a rider who is not there.
const NO_SHOW_MS: u64 = 240_000;
/// How long after the city's end a driver still finishes a trip.
const LINGER_MS: u64 = 1_200_000;
/// Answers that nobody knows the number, after which the driver goes home.
const STRANGER_MAX: u8 = 3;

/// What the driver is doing, or waits to be told.
#[derive(Debug)]
enum Doing {
    /// Sent `ON`, waits for the answer.
    ComingOn,
    /// Free.
    Free,
    /// Answered an offer, waits to hear.
    Took,
    /// Drives to the pickup.
    ToPickup { code: String, drive: Drive },
    /// Waits there; `H` is sent.
    AtPickup { code: String, since: Ticks },
    /// The PIN is sent, the rider sits in.
    Boarding { code: String, wish: u32, dropoff: Position },
    /// Drives to the destination.
    Riding { code: String, wish: u32, drive: Drive },
    /// The fare is sent.
    Ending { code: String, wish: u32 },
    /// Sent `OFF`.
    Leaving,
}

impl Doing {
    /// The code of the trip under way.
    fn code(&self) -> Option<&String> {
        match self {
            Self::ToPickup { code, .. }
            | Self::AtPickup { code, .. }
            | Self::Boarding { code, .. }
            | Self::Riding { code, .. }
            | Self::Ending { code, .. } => Some(code),
            Self::ComingOn | Self::Free | Self::Took | Self::Leaving => None,
        }
    }
}

/// What a text says to a driver.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Offer(char),
    Trip(String),
    /// Free, at a stand, declined: nothing is open.
    Idle,
    Boarded,
    Ended,
    /// The offer or the trip is gone.
    Gone,
    WrongPin,
    CodeNeeded,
    /// Nobody knows the number.
    Stranger,
    Off,
    Other,
}

struct PhoneDriver {
    world: Arc<World>,
    listed: Listed,
    phone: Phone,
    rng: ChaCha8Rng,
    at: Position,
    stand: Option<u16>,
    doing: Doing,
    /// What is typed next, and when it is sent.
    typing: Option<(Ticks, String)>,
    sent_at: Ticks,
    sent: String,
    adds_code: bool,
    is_on_duty: bool,
    taken_for_stranger: u8,
}

/// Goes to work and stays until the city sleeps.
///
/// # Errors
///
/// If the spool cannot be written.
pub async fn work(world: Arc<World>, number: u32, listed: Listed, at: Position) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(world.config.seed);
    rng.set_stream(1_000 + u64::from(number));
    let nearest =
        world.city.stands().iter().filter(|stand| world.district(stand.district) == &listed.district);
    let nearest = nearest.min_by(|a, b| a.position.distance_m(at).total_cmp(&b.position.distance_m(at)));
    let (at, stand) = nearest.map_or((at, None), |stand| (stand.position, Some(stand.number)));
    let phone = world.network.phone(&e164(&listed.phone));
    let now = world.clock.now().ticks;
    let on = stand.map_or_else(|| "ON".to_owned(), |stand| format!("ON {stand}"));
    let mut driver = PhoneDriver {
        typing: Some((now, on)),
        sent_at: now,
        sent: String::new(),
        adds_code: false,
        is_on_duty: false,
        taken_for_stranger: 0,
        doing: Doing::ComingOn,
        world,
        listed,
        phone,
        rng,
        at,
        stand,
    };
    driver.run().await
}

impl PhoneDriver {
    async fn run(&mut self) -> Result<()> {
        let sleeps_at = self.world.sleeps_at();
        loop {
            let now = self.world.clock.now().ticks;
            if now >= sleeps_at {
                match self.doing {
                    Doing::Free | Doing::ComingOn if self.typing.is_none() => {
                        self.doing = Doing::Leaving;
                        self.say("OFF".to_owned(), now);
                    }
                    Doing::Leaving if now.since_ms(self.sent_at) > AGAIN_MS && self.typing.is_none() => break,
                    _ if now >= sleeps_at.plus_ms(LINGER_MS) => break,
                    _ => {}
                }
            }
            self.send_typed(now)?;
            self.live(now);
            tokio::select! {
                text = self.phone.next() => {
                    let Some(text) = text else { break };
                    if self.read(&text) {
                        break;
                    }
                }
                () = self.world.clock.pass(3_000) => {}
            }
        }
        anyhow::ensure!(self.is_on_duty, "driver {} was never told to be on duty", self.listed.driver);
        self.world.record(&self.listed.driver, DriverNote::OffDuty { unsent: 0 });
        Ok(())
    }

    fn say(&mut self, body: String, at: Ticks) {
        let typed_at = at.plus_ms(self.rng.random_range(TYPE_MS));
        self.typing = Some((typed_at, body));
    }

    fn send_typed(&mut self, now: Ticks) -> Result<()> {
        if self.typing.as_ref().is_some_and(|(at, _)| *at <= now)
            && let Some((_, body)) = self.typing.take()
        {
            self.sent_at = now;
            let with_code = format!("{body} *{}", self.listed.secret);
            let text = if self.adds_code { &with_code } else { &body };
            self.world.network.send(
                &self.phone.number,
                text,
                self.world.clock.now().utc,
                &self.world.recorder,
            )?;
            self.sent = body;
        }
        Ok(())
    }

    /// Acts on what happens in the street, and sends again what got no answer.
    fn live(&mut self, now: Ticks) {
        let unanswered = self.typing.is_none() && now.since_ms(self.sent_at) > AGAIN_MS;
        match std::mem::replace(&mut self.doing, Doing::Free) {
            Doing::ToPickup { code, drive } if now >= drive.ends_at() => {
                self.at = drive.position(now).unwrap_or(self.at);
                self.say("H".to_owned(), now);
                self.doing = Doing::AtPickup { code, since: now };
            }
            Doing::AtPickup { code, since } => self.wait_for_rider(code, since, now),
            Doing::Riding { code, wish, drive } if now >= drive.ends_at() => {
                self.at = drive.position(now).unwrap_or(self.at);
                let at = self.world.clock.now().utc;
                let fare = Tariff::seoul().estimate(drive.distance_m, drive.duration_s, at).total.0;
                let paid_at = now.plus_ms(self.rng.random_range(PAY_MS));
                self.say(format!("E {fare}"), paid_at);
                self.doing = Doing::Ending { code, wish };
            }
            waiting @ (Doing::ComingOn | Doing::Took | Doing::Boarding { .. } | Doing::Ending { .. })
                if unanswered =>
            {
                self.doing = waiting;
                self.say(self.sent.clone(), now);
            }
            other => self.doing = other,
        }
    }

    fn wait_for_rider(&mut self, code: String, since: Ticks, now: Ticks) {
        let waited_ms = now.since_ms(since);
        if waited_ms < BOARD_MS.start || self.typing.is_some() {
            self.doing = Doing::AtPickup { code, since };
            return;
        }
        match self.world.street.meet_code(&code, self.at) {
            Some(met) if self.world.street.board(met.wish, &self.listed.plate, None) => {
                self.say(format!("P {}", met.pin), now);
                let dropoff =
                    met.dropoff.unwrap_or_else(|| self.world.city.ride_from(self.at, &mut self.rng));
                self.doing = Doing::Boarding { code, wish: met.wish, dropoff };
            }
            _ if self.world.ask_visitor(&code, &self.listed.plate, waited_ms) => {
                self.doing = Doing::AtPickup { code, since };
            }
            _ if waited_ms > NO_SHOW_MS => {
                // Nobody came: an operator clears it up, and the driver asks again by `X`.
                self.say("X no show".to_owned(), now);
                self.doing = Doing::AtPickup { code, since: now };
            }
            _ => self.doing = Doing::AtPickup { code, since },
        }
    }

    /// Reads a text; true if the driver's day is over.
    fn read(&mut self, text: &str) -> bool {
        let now = self.world.clock.now().ticks;
        let said = said(text);
        if !self.is_on_duty && matches!(said, Said::Idle | Said::Offer(_) | Said::Trip(_)) {
            self.is_on_duty = true;
            self.world.record(&self.listed.driver, DriverNote::OnDuty { shift: None, by_text: true });
        }
        match (said, std::mem::replace(&mut self.doing, Doing::Free)) {
            (Said::CodeNeeded, doing) => {
                self.doing = doing;
                if !self.adds_code {
                    self.adds_code = true;
                    self.say(self.sent.clone(), now);
                }
            }
            (Said::Offer(letter), Doing::Free | Doing::ComingOn | Doing::Took) => {
                self.say(format!("1{letter}"), now);
                self.doing = Doing::Took;
            }
            (Said::Trip(code), Doing::Free | Doing::Took | Doing::ComingOn) => {
                self.world.record(&self.listed.driver, DriverNote::TextTaken { code: code.clone() });
                let pickup = self.world.street.pickup(&code, self.at).unwrap_or(self.at);
                let drive = self.world.city.drive(self.at, pickup, now);
                self.doing = Doing::ToPickup { code, drive };
            }
            // Another trip although one is under way: the driver stays with the first, and it is written down.
            (Said::Trip(other), doing) => {
                if doing.code().is_some_and(|code| *code != other) {
                    self.world.record(&self.listed.driver, DriverNote::TextTaken { code: other });
                }
                self.doing = doing;
            }
            (Said::Gone, Doing::ToPickup { code, .. } | Doing::AtPickup { code, .. }) => {
                self.over(code, "recalled");
            }
            (Said::Gone | Said::Idle, Doing::Took | Doing::ComingOn | Doing::Free) => {}
            (Said::Boarded, Doing::Boarding { code, wish, dropoff }) => {
                let drive = self.world.city.drive(self.at, dropoff, now);
                self.doing = Doing::Riding { code, wish, drive };
            }
            (Said::WrongPin, Doing::Boarding { code, wish, dropoff }) => {
                self.say("P".to_owned(), now);
                self.doing = Doing::Boarding { code, wish, dropoff };
            }
            (Said::Ended, Doing::Ending { code, wish }) => {
                self.world.street.end(wish);
                self.over(code, "done");
                if let Some(stand) = self.nearest_stand() {
                    self.say(format!("AT {stand}"), now);
                }
            }
            (Said::Stranger, doing) => {
                self.doing = doing;
                self.taken_for_stranger += 1;
                return self.taken_for_stranger >= STRANGER_MAX;
            }
            (Said::Off, Doing::Leaving) => return true,
            (_, doing) => self.doing = doing,
        }
        false
    }

    fn over(&mut self, code: String, how: &str) {
        self.world.record(&self.listed.driver, DriverNote::TextOver { code, how: how.to_owned() });
        self.doing = Doing::Free;
    }

    /// A driver goes back to a stand, which is how a node knows where the taxi is.
    fn nearest_stand(&mut self) -> Option<u16> {
        let own = |place: usize| self.world.district(place) == &self.listed.district;
        let stands = self.world.city.stands().iter().filter(|stand| own(stand.district));
        let nearest = stands
            .min_by(|a, b| a.position.distance_m(self.at).total_cmp(&b.position.distance_m(self.at)))?;
        (self.at, self.stand) = (nearest.position, Some(nearest.number));
        self.stand
    }
}

fn said(text: &str) -> Said {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let code = || {
        let mut words = text.split(|c: char| c.is_whitespace() || matches!(c, ':' | '(' | ')' | '.' | ','));
        words.find(|word| is_booking_code(word)).map(str::to_owned)
    };
    if let Some(letter) = offer_letter(text) {
        Said::Offer(letter)
    } else if has(&["도착하면 H", "There: H"]) {
        code().map_or(Said::Other, Said::Trip)
    } else if has(&["끝나면 E", "End: E", "At the end: E"]) {
        Said::Boarded
    } else if has(&["운행 종료", "Trip ended"]) {
        Said::Ended
    } else if has(&[
        "배차가 취소되었습니다",
        "is cancelled. Wait",
        "시간이 지났습니다",
        "취소되었습니다. 다음",
        "has lapsed",
        "is withdrawn",
        "그런 배차가 없습니다",
        "No such offer",
    ]) {
        Said::Gone
    } else if has(&[
        "대기 중입니다",
        "승강장 대기",
        "You are free",
        "in the queue",
        "거절했습니다",
        "Refused. Wait",
    ]) {
        Said::Idle
    } else if has(&["PIN이 다릅니다", "Wrong PIN"]) {
        Said::WrongPin
    } else if has(&["기사 코드를 끝에", "Add your driver code"]) {
        Said::CodeNeeded
    } else if has(&["등록된 기사 번호가 아닙니다", "Not a registered driver"]) {
        Said::Stranger
    } else if has(&["퇴근 처리", "Off duty"]) {
        Said::Off
    } else {
        Said::Other
    }
}

/// `… 수락 1K 거절 2K`, `… 1K yes 2K no`
fn offer_letter(text: &str) -> Option<char> {
    ('A'..='Z').find(|letter| {
        text.contains(&format!("수락 1{letter} 거절 2{letter}"))
            || text.contains(&format!("1{letter} yes 2{letter} no"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ondol_core::ids::BookingId;
    use ondol_core::pin::booking_code;

    #[test]
    fn texts_say_what_they_say() {
        let code = booking_code(BookingId::from_number(3));
        for (text, meaning) in [
            ("K 시청역 → 서울역 4분. 수락 1K 거절 2K".to_owned(), Said::Offer('K')),
            ("K City Hall 4min. 1K yes 2K no".to_owned(), Said::Offer('K')),
            ("배차 글자도 함께 보내 주세요. 예) 1K 수락, 2K 거절".to_owned(), Said::Other),
            (format!("수락 {code}: 시청역. 도착하면 H, 타면 P와 PIN"), Said::Trip(code.clone())),
            (format!("탑승 {code} → 서울역. 끝나면 E와 요금"), Said::Boarded),
            ("운행 종료. 다음 배차를 기다려 주세요.".to_owned(), Said::Ended),
            (format!("{code} 배차가 취소되었습니다. 다음 배차를 기다려 주세요."), Said::Gone),
            ("배차 K 시간이 지났습니다. 다음 배차를 기다려 주세요.".to_owned(), Said::Gone),
            ("12번 승강장 대기 3번째입니다.".to_owned(), Said::Idle),
            ("PIN이 다릅니다. 손님께 다시 확인해 주세요.".to_owned(), Said::WrongPin),
            ("기사 코드를 끝에 붙여 주세요. 예) ON 12 *1234".to_owned(), Said::CodeNeeded),
            ("등록된 기사 번호가 아닙니다. 문의 02-000-0000".to_owned(), Said::Stranger),
            ("퇴근 처리했습니다. 수고하셨습니다.".to_owned(), Said::Off),
        ] {
            assert_eq!(said(&text), meaning, "{text}");
        }
    }
}
