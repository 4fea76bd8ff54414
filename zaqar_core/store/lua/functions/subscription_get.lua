-- subscription_get: read one live subscription.
-- keys:  the queue.
-- args:  id
-- reply: {now ms, record}.
-- fails: NOQUEUE; NOSUBSCRIPTION.
-- effect: reads. It writes nothing.
-- cost:  O(1).
-- uses: base_key, NOSUBSCRIPTION, now_ms, open_any_queue, subscription_of
local wrong = open_any_queue()
if wrong then return wrong end
if not subscription_of(ARGV[1]) then return NOSUBSCRIPTION end
return { now_ms, call('HGET', base_key .. ':u', ARGV[1]) }
