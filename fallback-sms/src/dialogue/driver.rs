//! A feature-phone driver's commands and what is said to them.

use uuid::Uuid;

use super::{NodeRequest, Party, Step, Work};
use crate::clock::UtcMs;
use crate::grammar::{DriverIntent, Reading};
use crate::wire::{
    DriverAnswer, DriverCommand, DriverCommandRequest, DriverFacts, ReportKind, ShiftState, code,
};

impl Step<'_> {
    /// The look at who this is has come back.
    pub(super) fn known_driver(
        &mut self,
        driver: Option<&DriverFacts>,
        command: &DriverIntent,
        reading: Reading,
        sent_at: UtcMs,
        message_id: Uuid,
    ) {
        // A driver whom this node does not know may be homed to another: the command finds out.
        if let Some(driver) = driver {
            self.dialogue.lang.get_or_insert(driver.lang);
        } else if to_wire(command).is_none() {
            return self.say_phone("sms-driver-unknown");
        }
        self.drive(command, reading.driver_code, sent_at, message_id);
    }

    pub(super) fn drive(
        &mut self,
        command: &DriverIntent,
        driver_code: Option<String>,
        sent_at: UtcMs,
        message_id: Uuid,
    ) {
        match to_wire(command) {
            Some(wire) => self.send_command(wire, driver_code, sent_at, message_id),
            None => self.say(missing(command), &[]),
        }
    }

    pub(super) fn drive_status(&mut self, sent_at: UtcMs, message_id: Uuid) {
        self.send_command(DriverCommand::Status {}, None, sent_at, message_id);
    }

    fn send_command(
        &mut self,
        command: DriverCommand,
        driver_code: Option<String>,
        sent_at: UtcMs,
        message_id: Uuid,
    ) {
        let phone = self.context.phone.to_owned();
        let command_id = self.context.ids.of_message(&phone, message_id);
        let request = DriverCommandRequest { command_id, command: command.clone(), driver_code, sent_at };
        self.ask_node(NodeRequest::Drive { phone, request }, Work::Drive(command));
    }

    /// The node carried the command out.
    pub(super) fn drove(&mut self, command: &DriverCommand, answer: &DriverAnswer) {
        self.dialogue.party = Party::Driver;
        self.dialogue.lang.get_or_insert(answer.lang);
        if let DriverCommand::Problem { note } = command {
            self.tell(ReportKind::Problem, note);
            return self.say("sms-driver-problem", &[]);
        }
        let trip = answer.trip.as_ref();
        match (answer.state, trip) {
            (ShiftState::OffDuty, _) => self.say("sms-driver-off", &[]),
            (ShiftState::OnBreak, _) => self.say("sms-driver-break", &[]),
            (ShiftState::Offered, _) => self.say("sms-driver-offered", &[]),
            (ShiftState::ToPickup, Some(trip)) => {
                self.say("sms-driver-trip", &[("code", &trip.code), ("place", &trip.pickup.name)]);
            }
            (ShiftState::AtPickup, Some(trip)) => self.say("sms-driver-arrived", &[("code", &trip.code)]),
            (ShiftState::Boarded, Some(trip)) => match &trip.destination {
                Some(destination) => {
                    self.say("sms-driver-boarded-to", &[("code", &trip.code), ("place", &destination.name)]);
                }
                None => self.say("sms-driver-boarded", &[("code", &trip.code)]),
            },
            (ShiftState::Free, _) => self.say_free(command, answer),
            (ShiftState::ToPickup | ShiftState::AtPickup | ShiftState::Boarded, None) => {
                self.say_phone("sms-refused");
            }
        }
    }

    fn say_free(&mut self, command: &DriverCommand, answer: &DriverAnswer) {
        match (command, answer.stand, answer.queue_position) {
            (DriverCommand::Ended { .. }, _, _) => self.say("sms-driver-ended", &[]),
            (DriverCommand::Decline { .. }, _, _) => self.say("sms-driver-declined", &[]),
            (_, Some(stand), Some(queue)) => {
                let (stand, queue) = (stand.to_string(), queue.min(999).to_string());
                self.say("sms-driver-at", &[("stand", &stand), ("queue", &queue)]);
            }
            _ => self.say("sms-driver-free", &[]),
        }
    }

    /// The node refused the command.
    pub(super) fn not_driven(&mut self, command: &DriverCommand, refusal: &str) {
        let template = match refusal {
            code::OFFER_LAPSED => match command {
                DriverCommand::Accept { offer } | DriverCommand::Decline { offer } => {
                    return self.say("sms-offer-lapsed", &[("letter", offer)]);
                }
                _ => "sms-offer-unknown",
            },
            code::OFFER_UNKNOWN => "sms-offer-unknown",
            code::PIN_WRONG => "sms-pin-wrong",
            code::NOT_ON_DUTY => "sms-not-on-duty",
            code::TRIP_OPEN => "sms-trip-open",
            code::NO_SUCH_TRIP => "sms-no-such-trip",
            code::STAND_UNKNOWN => "sms-stand-missing",
            code::FARE_IMPLAUSIBLE => "sms-fare-implausible",
            code::DRIVER_CODE_NEEDED => "sms-driver-code-needed",
            code::DRIVER_UNKNOWN => return self.say_phone("sms-driver-unknown"),
            code::DRIVER_CODE_LOCKED => return self.say_phone("sms-driver-code-locked"),
            code::DRIVER_CODE_WRONG => return self.say_phone("sms-driver-code-wrong"),
            _ => return self.say_phone("sms-refused"),
        };
        self.say(template, &[]);
    }
}

/// Returns the command on the wire, `None` if the text left out what belongs to it.
fn to_wire(command: &DriverIntent) -> Option<DriverCommand> {
    Some(match command {
        DriverIntent::On { stand } => DriverCommand::On { stand: *stand },
        DriverIntent::Off => DriverCommand::Off {},
        DriverIntent::At { stand } => DriverCommand::At { stand: (*stand)? },
        DriverIntent::Accept { offer } => DriverCommand::Accept { offer: (*offer)?.to_string() },
        DriverIntent::Decline { offer } => DriverCommand::Decline { offer: (*offer)?.to_string() },
        DriverIntent::Arrived => DriverCommand::Arrived {},
        DriverIntent::Boarded { pin } => DriverCommand::Boarded { pin: pin.clone()? },
        DriverIntent::Ended { fare } => DriverCommand::Ended { fare: (*fare)? },
        DriverIntent::Break => DriverCommand::Break {},
        DriverIntent::Problem { note } => DriverCommand::Problem { note: note.clone() },
    })
}

/// What to say to a command that leaves something out.
fn missing(command: &DriverIntent) -> &'static str {
    match command {
        DriverIntent::Boarded { .. } => "sms-pin-missing",
        DriverIntent::Ended { .. } => "sms-fare-missing",
        DriverIntent::At { .. } => "sms-stand-missing",
        DriverIntent::On { .. }
        | DriverIntent::Off
        | DriverIntent::Accept { .. }
        | DriverIntent::Decline { .. }
        | DriverIntent::Arrived
        | DriverIntent::Break
        | DriverIntent::Problem { .. } => "sms-offer-letter",
    }
}
