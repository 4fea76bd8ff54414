-- purge_all: SQS's purge: no message is left, visible, in flight or delayed, and no deduplication.
-- keys:  Q.   args: seconds that must have passed since the last one.   reply: OK.
-- fails: NOQUEUE; PURGING seconds left.   cost: O(1); memory is freed in the background.
-- uses: c, contents, GROUPED_QUEUE, open, q, Q
local wrong = open('purged')
if wrong and wrong ~= GROUPED_QUEUE then return wrong end
local left = (q.f[4] or -math.huge) + ARGV[1] * 1000 - q.now
if left > 0 then return { err = 'PURGING ' .. math.ceil(left / 1000) } end
c.flying = nil
call('UNLINK', unpack(contents()))
call('HSET', Q, 'purged', q.now, 'now', q.now)
return 'OK'
