-- change: write and remove settings, all or nothing.
-- keys:  the queue.
-- args:  expected revision (-1: any), number of fields to write, field, value ..., fields to remove ...
-- reply: field, value, ... of the whole queue.
-- fails: NOQUEUE; STALE (the queue has another revision).
-- effect: stores.
-- cost:  O(fields + waiters).
-- uses: all_settings, base_key, now_ms, open_any_queue, queue, settings_changed, wake_waiters
local wrong = open_any_queue()
if wrong then return wrong end
local expected = tonumber(ARGV[1])
if expected >= 0 and expected ~= tonumber(call('HGET', base_key, 'rev')) then return { err = 'STALE' } end
local writes = tonumber(ARGV[2])
if writes > 0 then call('HSET', base_key, unpack(ARGV, 3, 2 + 2 * writes)) end
if #ARGV > 2 + 2 * writes then call('HDEL', base_key, unpack(ARGV, 3 + 2 * writes)) end
call('HINCRBY', base_key, 'rev', 1)
if (call('HGET', base_key, 'retention_seconds') or call('HGET', base_key, 'ret0')) * 1000 > queue.retention_ms then
  call('HSET', base_key, 'horizon', math.max(queue.horizon_ms, now_ms - queue.retention_ms))
end
settings_changed()
-- a new retention or delay may have made something due
call('HSET', base_key, 'mod', now_ms, 'now', now_ms, 'due', 0)
wake_waiters(math.min(call('ZCARD', base_key .. ':w'), 10000))
return all_settings()
