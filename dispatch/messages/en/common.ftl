# Words that every door uses.

mode-normal = Normal
mode-degraded = Degraded
mode-healing = Healing
mode-normal-reason = Central is dispatching.
mode-degraded-reason = Central is out of reach; { $node } is dispatching.
mode-healing-reason = Central is back; histories are being joined.

problem-invalid-input = Please check what you entered.
problem-not-found = It could not be found.
problem-not-allowed = You may not do this.
problem-unauthenticated = Please sign in again.
problem-too-many-requests = Too many requests. Please try again in a moment.
problem-unavailable = No connection right now. Please try again in a moment.
problem-conflict = It has changed in the meantime. Reload and try again.
