-- notify_failed: read the newest deliveries that failed for good, newest first.
-- keys:  the queue.
-- args:  first index, last index
-- reply: {now ms, how many have ever failed, how many are kept, packed, ...}.
-- fails: NOQUEUE.
-- effect: reads. It writes nothing.
-- cost:  O(indexes).
-- uses: base_key, now_ms, open_any_queue
local wrong = open_any_queue()
if wrong then return wrong end
local kept = call('LRANGE', base_key .. ':nx', ARGV[1], ARGV[2])
local ever = tonumber(call('HGET', base_key, 'failed') or 0)
return { now_ms, ever, call('LLEN', base_key .. ':nx'), unpack(kept) }
