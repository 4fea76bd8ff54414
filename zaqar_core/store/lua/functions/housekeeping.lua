-- housekeeping: one bounded step of one queue: remove expired messages, claims, waiters and subscriptions.
-- keys:  the queue.
-- args:  most messages
-- reply: {messages removed, 1 if more have expired, intents that wait, records of moves, 1 if a move task runs, 1 if it
--        has subscriptions}.
-- fails: NOQUEUE; GROUPED.
-- effect: frees.
-- cost:  O(most log n).
-- uses: base_key, expire_oldest, expire_subscriptions, has_feature, is_behind, KIND, now_ms, open_queue, process_due
-- uses: server_ms, update_groups
-- uses (fifo): rotate_buckets
local wrong = open_queue()
if wrong then return wrong end
local most = tonumber(ARGV[1])
local ended = process_due(most)
local removed, left = expire_oldest(most)
update_groups()
for _, id in ipairs(call('ZRANGEBYSCORE', base_key .. ':cx', '-inf', now_ms, 'LIMIT', 0, most)) do
  call('ZREM', base_key .. ':cx', id)
  call('HDEL', base_key .. ':c', id)
end
if KIND == 'fifo' then rotate_buckets() end
expire_subscriptions(most)
call('ZREMRANGEBYSCORE', base_key .. ':w', '-inf', server_ms - 60000)
local subscribed = has_feature('s') and call('EXISTS', base_key .. ':ue', base_key .. ':o') > 0 and 1 or 0
local intents, records = call('HLEN', base_key .. ':mi'), call('HLEN', base_key .. ':mr')
return {
  ended + removed, (left or is_behind()) and 1 or 0, intents, records, call('HEXISTS', base_key .. ':mt', 'active'),
  subscribed,
}
