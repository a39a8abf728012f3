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
