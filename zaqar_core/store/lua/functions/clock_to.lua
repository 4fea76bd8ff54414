-- clock_to: the queue's time is ahead of the server's by no less than this: leases, delays, lives and deduplication
-- follow. For tests.
-- keys:  Q.   args: ms.   reply: OK.   fails: NOQUEUE.   cost: O(waiters).
-- uses: c, changed, GROUPED_QUEUE, had, open, Q, ring, wake
local wrong = open()
if wrong and wrong ~= GROUPED_QUEUE then return wrong end
if tonumber(ARGV[1]) <= c.off then return 'OK' end
call('HSET', Q, 'off', ARGV[1])
changed()
wake(math.min(call('ZCARD', Q .. ':w'), 10000))
if had('n') then ring() end
return 'OK'
