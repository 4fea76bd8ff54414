-- change: write and forget settings, all or nothing.
-- keys:  Q.   args: revision expected (-1 any), number of fields to write, field, value ..., fields to forget ...
-- reply: field, value, ... of the whole queue.   fails: NOQUEUE, STALE (another revision).   cost: O(fields).
-- uses: queue settings wake
if not open() then return NOQUEUE end
local expected = tonumber(ARGV[1])
if expected >= 0 and expected ~= tonumber(call('HGET', Q, 'rev')) then return { err = 'STALE' } end
local writes = tonumber(ARGV[2])
if writes > 0 then call('HSET', Q, unpack(ARGV, 3, 2 + 2 * writes)) end
if #ARGV > 2 + 2 * writes then call('HDEL', Q, unpack(ARGV, 3 + 2 * writes)) end
call('HINCRBY', Q, 'rev', 1)
call('HSET', Q, 'mod', q.now, 'now', q.now)
wake(1)
return whole()
