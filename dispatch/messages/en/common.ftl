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

# Why a taxi was asked: a sentence for each rule of matching.
rule-nearest = It comes soonest for this rider; of nearly equal ones, it has been idle longest.
rule-least-wait = Another would come sooner for this rider, but riders together wait least this way.
rule-stand-queue = It has waited longest at the stand where the rider is.
rule-kept = It was close to the pick-up already and was not changed any more.
rule-handed-over = Another node chose it and handed the booking over.
rule-by-hand = An operator chose it.
rule-restored = Records were lost; the driver's phone brought this assignment back.
