-- notify_failed: the newest deliveries that failed for good, newest first.
-- keys:  Q.   args: first place, last place.   reply: {now ms, how many there ever were, how many are kept, packed, ...}
-- fails: NOQUEUE.   cost: O(places).
-- uses: GROUPED_QUEUE, open, q, Q
local wrong = open()
if wrong and wrong ~= GROUPED_QUEUE then return wrong end
local kept = call('LRANGE', Q .. ':nx', ARGV[1], ARGV[2])
return { q.now, tonumber(call('HGET', Q, 'failed') or 0), call('LLEN', Q .. ':nx'), unpack(kept) }
