-- purge_all: remove all messages (visible, in flight, delayed) and all deduplication, for SQS's PurgeQueue.
-- keys:  the queue.
-- args:  seconds that must have passed since the last purge
-- reply: OK.
-- fails: NOQUEUE; PURGING seconds (left to wait).
-- effect: frees.
-- cost:  O(1); memory is freed in the background.
-- uses: base_key, content_keys, context, open_any_queue, queue
local wrong = open_any_queue('purged')
if wrong then return wrong end
local left = (context.fields[4] or -math.huge) + ARGV[1] * 1000 - context.now_ms
if left > 0 then return { err = 'PURGING ' .. math.ceil(left / 1000) } end
queue.in_flight = nil
call('UNLINK', unpack(content_keys()))
call('HSET', base_key, 'purged', context.now_ms, 'now', context.now_ms)
return 'OK'
