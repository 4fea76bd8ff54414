-- clock_to: put the queue's time at least so far ahead of the server's: leases, delays, retention and deduplication
-- follow. For tests.
-- keys:  the queue.
-- args:  ms
-- reply: OK.
-- fails: NOQUEUE.
-- effect: frees.
-- cost:  O(waiters).
-- uses: base_key, has_feature, open_any_queue, queue, settings_changed, wake_waiters, wake_worker
local wrong = open_any_queue()
if wrong then return wrong end
if tonumber(ARGV[1]) <= queue.clock_offset_ms then return 'OK' end
call('HSET', base_key, 'off', ARGV[1])
settings_changed()
wake_waiters(math.min(call('ZCARD', base_key .. ':w'), 10000))
if has_feature('n') then wake_worker() end
return 'OK'
