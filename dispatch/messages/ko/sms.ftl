# Text messages. Each must fit 70 UCS-2 characters and 90 EUC-KR bytes with its longest values and the
# mark of a repeat; fallback-sms/src/reply/templates.rs lists the values and tests it.

sms-repeat-mark = [재]

## Anyone
sms-help = 택시 <곳> 또는 택시 #12(승강장). 취소 C, 상태 ?, 긴급 SOS. 상담 { $phone }
sms-not-understood = 이해하지 못했습니다. 예) 택시 강남역 11번출구. 도움말은 "도움"
sms-refused = 지금은 처리할 수 없습니다. { $phone } 번으로 전화해 주세요.
sms-waiting = 지금 배차실과 연결 중입니다. 연결되는 대로 답장을 드리겠습니다.
sms-gave-up = 죄송합니다. 접수하지 못했습니다. { $phone } 번으로 전화해 주세요.
sms-too-many = 문자가 너무 많습니다. 잠시 후 다시 보내 주세요.
sms-sos = SOS를 상담원에게 알리는 중입니다. 위급하면 바로 { $emergency } 번에 전화하세요.
sms-stopped = 수신거부 처리했습니다. 다시 이용하려면 "도움"을 보내 주세요.
sms-operator-note = [상담원] { $text }

## Riders: booking
sms-booked = 접수 { $code } { $place }. PIN { $pin }. 배차되면 알려드립니다. 취소 C
sms-booked-apart = 접수 { $code } { $place }. PIN { $pin }. 통신 장애로 지역에서 배차합니다.
sms-booked-later = 예약 { $code } { $time } { $place }. PIN { $pin }. 취소 C
sms-ask-place = 어디에서 타세요? 역 출구, 주소나 승강장 번호(#12)를 보내 주세요.
sms-choose-pickup = 탈 곳 번호로 답장:{ $list }
sms-choose-destination = 갈 곳 번호로 답장:{ $list }
sms-confirm-place = { $place }에서 택시를 부를까요? 1 예, 2 아니요
sms-place-unknown = 그 위치를 찾지 못했습니다. 역 출구나 승강장 번호(#12)로 다시 보내 주세요.
sms-stand-unknown = { $stand }번 승강장이 없습니다. 기둥의 번호를 확인해 주세요.
sms-home-unknown = 저장된 집 주소가 없습니다. { $phone } 번으로 등록해 주세요.
sms-work-unknown = 저장된 회사 주소가 없습니다. { $phone } 번으로 등록해 주세요.
sms-bad-time = 시각을 알 수 없습니다. 예) 택시 강남역 @18:30
sms-bad-passengers = 인원은 1명에서 8명까지입니다. 예) 택시 강남역 2명
sms-not-booked = 부르지 않았습니다. 다시 하려면 택시 <곳>
sms-outside-area = 그곳은 운행 지역이 아닙니다. 문의 { $phone }
sms-blocked = 이 번호로는 예약할 수 없습니다. 문의 { $phone }
sms-open-already = 이미 { $code } 예약이 있습니다. 1 탈 곳 변경, 2 한 대 더, 3 그대로
sms-nonce-cancel = 이미 차가 가고 있습니다. { $code } 취소하려면 { $nonce } 답장
sms-nonce-move = { $code } 탈 곳을 바꾸려면 { $nonce } 답장
sms-nonce-second = 택시를 한 대 더 부르려면 { $nonce } 답장
sms-nonce-wrong = 숫자가 다릅니다. 처음부터 다시 해 주세요.
sms-moved = { $code } 탈 곳을 바꿨습니다: { $place }
sms-kept = { $code } 그대로 진행합니다.

## Riders: the ride
sms-assigned = 배차 { $code }: { $plate } 약 { $minutes }분. 탈 때 PIN { $pin }
sms-reassigned = 차가 바뀌었습니다 { $code }: { $plate } 약 { $minutes }분. PIN { $pin }
sms-arrived = { $plate } 도착했습니다({ $code }). 탈 때 PIN { $pin }
sms-delayed = { $code } { $plate } 늦어지고 있습니다. 약 { $minutes }분 뒤 도착합니다.
sms-no-car = { $code } 지금 빈 차가 없어 계속 찾고 있습니다. 취소 C
sms-unserved = { $code } 차를 찾지 못했습니다. 죄송합니다. 문의 { $phone }
sms-cancelled = { $code } 예약이 취소되었습니다.
sms-boarded = { $code } 탑승 중입니다. 긴급하면 SOS를 보내 주세요.
sms-completed = { $code } 이용해 주셔서 감사합니다. 요금 { $fare }
sms-already-boarded = { $code } 이미 탑승하셔서 바꿀 수 없습니다. 문의 { $phone }
sms-booking-unknown = 그런 예약이 없습니다. 상태는 ? 를 보내 주세요.
sms-taken-over = 중앙 장애로 지금은 { $node }에서 배차합니다. 예약 { $code } 그대로입니다.
sms-handed-back = 장애가 복구되었습니다. 예약 { $code } 그대로입니다.
sms-still-wanted = 예약 { $code } { $place } 아직 필요하세요? 1 예, 2 취소
sms-maybe-duplicate = 예약이 두 건입니다. { $code } { $place } 필요하세요? 1 예, 2 취소
sms-status-open = { $code } 차를 찾는 중입니다. { $place }. PIN { $pin }. 취소 C
sms-status-later = 예약 { $code } { $time } { $place }. PIN { $pin }. 취소 C
sms-status-none = 열린 예약이 없습니다. 부르려면 택시 <곳>

## Drivers
sms-driver-help = ON 12 출근, OFF 퇴근, 1K 수락, 2K 거절, H 도착, P PIN, E 요금, B 휴식, X 문제
sms-offer = { $letter } { $pickup } → { $destination } { $minutes }분. 수락 1{ $letter } 거절 2{ $letter }
sms-offer-open = { $letter } { $pickup } { $minutes }분. 수락 1{ $letter } 거절 2{ $letter }
sms-offer-lapsed = 배차 { $letter } 시간이 지났습니다. 다음 배차를 기다려 주세요.
sms-offer-withdrawn = 배차 { $letter } 취소되었습니다. 다음 배차를 기다려 주세요.
sms-offer-unknown = 그런 배차가 없습니다. 문자의 글자를 확인해 주세요. 예) 1K
sms-offer-letter = 배차 글자도 함께 보내 주세요. 예) 1K 수락, 2K 거절
sms-driver-declined = 거절했습니다. 다음 배차를 기다려 주세요.
sms-driver-trip = 수락 { $code }: { $place }. 도착하면 H, 타면 P와 PIN
sms-driver-free = 대기 중입니다. 배차되면 문자를 드립니다.
sms-driver-at = { $stand }번 승강장 대기 { $queue }번째입니다.
sms-driver-off = 퇴근 처리했습니다. 수고하셨습니다.
sms-driver-arrived = 손님께 도착을 알렸습니다({ $code }). 타시면 P와 PIN 4자리
sms-driver-boarded = 탑승 확인 { $code }. 끝나면 E와 요금. 예) E 12400
sms-driver-boarded-to = 탑승 { $code } → { $place }. 끝나면 E와 요금
sms-driver-ended = 운행 종료. 다음 배차를 기다려 주세요.
sms-driver-break = 휴식 중입니다. 돌아오면 B를 보내 주세요.
sms-driver-problem = 상담원에게 알리는 중입니다. 곧 연락드립니다.
sms-driver-recalled = { $code } 배차가 취소되었습니다. 다음 배차를 기다려 주세요.
sms-driver-offered = 답하지 않은 배차가 있습니다. 문자를 확인해 주세요.
sms-pin-wrong = PIN이 다릅니다. 손님께 다시 확인해 주세요.
sms-pin-missing = 손님의 PIN 4자리를 함께 보내 주세요. 예) P 4821
sms-fare-missing = 미터 요금을 함께 보내 주세요. 예) E 12400
sms-fare-implausible = 요금을 확인해 주세요. 예) E 12400
sms-stand-missing = 승강장 번호를 함께 보내 주세요. 예) AT 12
sms-not-on-duty = 먼저 출근해 주세요. 예) ON 12
sms-trip-open = 아직 운행이 있습니다. 끝내려면 E와 요금, 문제는 X
sms-no-such-trip = 지금은 할 수 없습니다. 상태는 ? 를 보내 주세요.
sms-driver-unknown = 등록된 기사 번호가 아닙니다. 문의 { $phone }
sms-driver-code-needed = 기사 코드를 끝에 붙여 주세요. 예) ON 12 *1234
sms-driver-code-wrong = 기사 코드가 다릅니다. 문의 { $phone }
sms-driver-code-locked = 기사 코드를 여러 번 틀렸습니다. 15분 뒤 다시 보내 주세요. 문의 { $phone }
