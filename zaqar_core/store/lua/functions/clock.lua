-- clock: the queue's time is put forward: leases, delays, lives and deduplication follow. For tests.
-- keys:  Q.   args: ms.   reply: OK.   fails: NOQUEUE.   cost: O(waiters).
-- uses: changed, GROUPED_QUEUE, had, open, Q, ring, wake
local wrong = open()
if wrong and wrong ~= GROUPED_QUEUE then return wrong end
call('HINCRBY', Q, 'off', ARGV[1])
changed()
wake(math.min(call('ZCARD', Q .. ':w'), 10000))
if had('n') then ring() end
return 'OK'
