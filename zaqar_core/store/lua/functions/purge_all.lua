-- purge_all: remove all messages (visible, in flight, delayed) and all deduplication, for SQS's PurgeQueue.
-- keys:  the queue.
-- args:  seconds that must have passed since the last purge
-- reply: OK.
-- fails: NOQUEUE; PURGING seconds (left to wait).
-- effect: frees.
-- cost:  O(1); memory is freed in the background.
-- uses: base_key, content_keys, now_ms, open_any_queue, queue
local wrong = open_any_queue()
if wrong then return wrong end
local left = (call('HGET', base_key, 'purged') or -math.huge) + ARGV[1] * 1000 - now_ms
if left > 0 then return { err = 'PURGING ' .. math.ceil(left / 1000) } end
queue.in_flight = nil
call('UNLINK', unpack(content_keys()))
call('HSET', base_key, 'purged', now_ms, 'now', now_ms)
return 'OK'
