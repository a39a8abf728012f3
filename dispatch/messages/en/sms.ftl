# Text messages. Each must fit 70 UCS-2 characters and 90 EUC-KR bytes with its longest values and the
# mark of a repeat; fallback-sms/src/reply/templates.rs lists the values and tests it.

sms-repeat-mark = [R]

## Anyone
sms-help = TAXI <place> or TAXI #12. Cancel C, status ?, SOS. { $phone }
sms-not-understood = Sorry, not understood. E.g. TAXI City Hall. For help: HELP
sms-refused = Not possible now. Please call { $phone }
sms-waiting = Reaching dispatch. We answer as soon as we are through.
sms-gave-up = Sorry, we could not take it. Please call { $phone }
sms-too-many = Too many messages. Please try again later.
sms-sos = SOS received, telling an operator. In danger call { $emergency } now.
sms-stopped = You get no more texts. To use us again send HELP
sms-operator-note = [Operator] { $text }

## Riders: booking
sms-booked = Booked { $code } { $place }. PIN { $pin }. Cancel: C
sms-booked-apart = Booked { $code } { $place }. PIN { $pin }. Run locally now
sms-booked-later = Booked { $code } { $time } { $place }. PIN { $pin }. Cancel: C
sms-ask-place = Where shall we pick you up? Send a place, address or #12
sms-choose-pickup = Pickup? Send number:{ $list }
sms-choose-destination = Where to? Send number:{ $list }
sms-confirm-place = Taxi at { $place }? 1 yes, 2 no
sms-place-unknown = Place not found. Send a landmark, address or stand (#12)
sms-stand-unknown = No stand { $stand }. Please check the number on the pole.
sms-home-unknown = No home address saved. Call { $phone } to add it
sms-work-unknown = No work address saved. Call { $phone } to add it
sms-bad-time = Time not understood. E.g. TAXI City Hall @18:30
sms-bad-passengers = 1 to 8 people, please. E.g. TAXI City Hall 2p
sms-not-booked = Nothing booked. To try again: TAXI <place>
sms-outside-area = We do not serve that place. Call { $phone }
sms-blocked = This number cannot book. Call { $phone }
sms-open-already = { $code } is open. 1 move pickup, 2 one more taxi, 3 leave it
sms-nonce-cancel = A car is on its way. To cancel { $code } reply { $nonce }
sms-nonce-move = To move the pickup of { $code } reply { $nonce }
sms-nonce-second = For a second taxi reply { $nonce }
sms-nonce-wrong = Wrong number. Please start again.
sms-moved = { $code } pickup is now { $place }
sms-kept = { $code } stays as it is.

## Riders: the ride
sms-assigned = { $code }: car { $plate } in { $minutes } min. Tell driver PIN { $pin }
sms-reassigned = { $code }: new car { $plate } in { $minutes } min. PIN { $pin }
sms-arrived = { $plate } is here ({ $code }). Tell driver PIN { $pin }
sms-delayed = { $code }: { $plate } is late, about { $minutes } min
sms-no-car = { $code }: no free car yet, still looking. Cancel: C
sms-unserved = { $code }: sorry, no car could be found. Call { $phone }
sms-cancelled = { $code } is cancelled.
sms-boarded = { $code }: you are on board. In an emergency send SOS
sms-completed = { $code }: thank you for riding. Fare { $fare }
sms-already-boarded = { $code }: already on board, no change. Call { $phone }
sms-booking-unknown = No such booking. For status send ?
sms-taken-over = Central is down: { $node } runs your booking { $code } now.
sms-handed-back = Service is restored. Booking { $code } is unchanged.
sms-still-wanted = Still need { $code } { $place }? 1 yes, 2 cancel
sms-maybe-duplicate = Two bookings. Need { $code } { $place }? 1 yes, 2 cancel
sms-status-open = { $code }: finding a car. { $place }. PIN { $pin }. Cancel: C
sms-status-later = { $code } { $time } { $place }. PIN { $pin }. Cancel: C
sms-status-none = No open booking. To book: TAXI <place>

## Drivers
sms-driver-help = ON 12, OFF, 1K take, 2K refuse, H here, P PIN, E fare, B, X
sms-offer = { $letter } { $pickup } > { $destination } { $minutes }min 1{ $letter } yes 2{ $letter } no
sms-offer-open = { $letter } { $pickup } { $minutes }min. 1{ $letter } yes 2{ $letter } no
sms-offer-lapsed = Offer { $letter } has lapsed. Wait for the next one.
sms-offer-withdrawn = Offer { $letter } is withdrawn. Wait for the next one.
sms-offer-unknown = No such offer. Check the letter, e.g. 1K
sms-offer-letter = Add the offer's letter: 1K to take, 2K to refuse
sms-driver-declined = Refused. Wait for the next one.
sms-driver-trip = { $code }: { $place }. There: H. On board: P and PIN
sms-driver-free = You are free. Offers come by text.
sms-driver-at = Stand { $stand }, number { $queue } in the queue.
sms-driver-off = Off duty. Thank you.
sms-driver-arrived = Rider told ({ $code }). On board: P and the 4-digit PIN
sms-driver-boarded = On board { $code }. At the end: E and fare, e.g. E 12400
sms-driver-boarded-to = On board { $code } > { $place }. End: E and fare
sms-driver-ended = Trip ended. Wait for the next one.
sms-driver-break = On a break. Send B when you are back.
sms-driver-problem = An operator is being told and will contact you.
sms-driver-recalled = { $code } is cancelled. Wait for the next one.
sms-driver-offered = You have an offer to answer. See its text.
sms-pin-wrong = Wrong PIN. Please ask the rider again.
sms-pin-missing = Add the rider's 4-digit PIN, e.g. P 4821
sms-fare-missing = Add the fare, e.g. E 12400
sms-fare-implausible = Please check the fare, e.g. E 12400
sms-stand-missing = Add the stand's number, e.g. AT 12
sms-not-on-duty = Go on duty first, e.g. ON 12
sms-trip-open = You have a trip. End it with E and fare, or send X
sms-no-such-trip = Not possible now. For status send ?
sms-driver-unknown = Not a registered driver's number. Call { $phone }
sms-driver-code-needed = Add your driver code, e.g. ON 12 *1234
sms-driver-code-wrong = Wrong driver code. Call { $phone }
sms-driver-code-locked = Too many wrong codes. Wait 15 min or call { $phone }
