-- subscription_get: one live subscription.
-- keys:  Q.   args: id.   reply: {now ms, record}.   fails: NOQUEUE, NOSUBSCRIPTION.   cost: O(1).
-- uses: GROUPED_QUEUE, NOSUBSCRIPTION, open, q, Q, subscription_of
local wrong = open()
if wrong and wrong ~= GROUPED_QUEUE then return wrong end
if not subscription_of(ARGV[1]) then return NOSUBSCRIPTION end
return { q.now, call('HGET', Q .. ':u', ARGV[1]) }
