-- change: write and forget settings, all or nothing.
-- keys:  Q.   args: revision expected (-1 any), number of fields to write, field, value ..., fields to forget ...
-- reply: field, value, ... of the whole queue.   fails: NOQUEUE, STALE (another revision).   cost: O(fields + waiters).
-- uses: c, changed, GROUPED_QUEUE, open, q, Q, wake, whole
local wrong = open()
if wrong and wrong ~= GROUPED_QUEUE then return wrong end
local expected = tonumber(ARGV[1])
if expected >= 0 and expected ~= tonumber(call('HGET', Q, 'rev')) then return { err = 'STALE' } end
local writes = tonumber(ARGV[2])
if writes > 0 then call('HSET', Q, unpack(ARGV, 3, 2 + 2 * writes)) end
if #ARGV > 2 + 2 * writes then call('HDEL', Q, unpack(ARGV, 3 + 2 * writes)) end
call('HINCRBY', Q, 'rev', 1)
if (call('HGET', Q, 'retention_seconds') or call('HGET', Q, 'ret0')) * 1000 > c.keep then
  call('HSET', Q, 'horizon', math.max(c.horizon, q.now - c.keep))
end
changed()
-- a new retention or delay may have made something due
call('HSET', Q, 'mod', q.now, 'now', q.now, 'due', 0)
wake(math.min(call('ZCARD', Q .. ':w'), 10000))
return whole()
