# Words that every door uses.

mode-normal = 정상
mode-degraded = 비상 배차
mode-healing = 복구 중
mode-normal-reason = 중앙에서 배차하고 있습니다.
mode-degraded-reason = 중앙과 연결이 끊겨 { $node }에서 배차하고 있습니다.
mode-healing-reason = 중앙과 다시 연결되어 기록을 맞추고 있습니다.

problem-invalid-input = 입력한 내용을 확인해 주세요.
problem-not-found = 찾을 수 없습니다.
problem-not-allowed = 권한이 없습니다.
problem-unauthenticated = 다시 로그인해 주세요.
problem-too-many-requests = 요청이 너무 많습니다. 잠시 후 다시 시도해 주세요.
problem-unavailable = 지금은 연결할 수 없습니다. 잠시 후 다시 시도해 주세요.
problem-conflict = 그사이 내용이 바뀌었습니다. 새로 고친 뒤 다시 시도해 주세요.

# Why a taxi was asked: a sentence for each rule of matching.
rule-nearest = 이 손님에게 가장 빨리 올 수 있는 차입니다. 비슷하면 더 오래 빈 차를 고릅니다.
rule-least-wait = 이 손님만 보면 더 빠른 차가 있지만, 이 차가 와야 손님들이 모두 합쳐 가장 적게 기다립니다.
rule-stand-queue = 손님이 있는 승강장에서 가장 오래 기다린 차입니다.
rule-kept = 타는 곳 가까이 와 있던 차라 바꾸지 않았습니다.
rule-handed-over = 다른 노드가 이 차를 골라 예약을 넘겼습니다.
rule-by-hand = 담당자가 직접 골랐습니다.
rule-restored = 기록이 사라진 뒤 기사 휴대전화에서 되살린 배차입니다.
