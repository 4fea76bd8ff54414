-- subscribe: create a subscription for the subscriber, or read the existing one.
-- keys:  the queue.
-- args:  end of the id of a new one (24 characters), subscriber, options (JSON), ttl s, 1 if an unconfirmed subscriber
--        is to be asked for confirmation
-- reply: {id, 1 if created now, 1 if confirmed}.
-- fails: NOQUEUE.
-- effect: stores.
-- cost:  O(log n).
-- uses: base_key, CONFIRMED, expire_subscriptions, mark_feature, notify_subscription, now_ms, open_any_queue
-- uses: save_clock, subscriber_of
local wrong = open_any_queue()
if wrong then return wrong end
expire_subscriptions(100)
save_clock()
local id, found = subscriber_of(ARGV[2])
if id then
  if ARGV[5] == '1' and found[CONFIRMED] ~= 1 then notify_subscription(id, 'a') end
  return { id, 0, found[CONFIRMED] }
end
mark_feature('s')
local number = string.format('%012x', call('HINCRBY', base_key, 'subscriptions', 1))
id = string.sub(number, 1, 8) .. '-' .. string.sub(number, 9) .. '-' .. ARGV[1]
call('HSET', base_key .. ':u', id, cmsgpack.pack({ ARGV[2], ARGV[3], tonumber(ARGV[4]), now_ms, 0, 0 }))
call('HSET', base_key .. ':ui', ARGV[2], id)
call('ZADD', base_key .. ':ue', now_ms + ARGV[4] * 1000, id)
call('ZADD', base_key .. ':un', 0, id)
if ARGV[5] == '1' then notify_subscription(id, 'a') end
return { id, 1, 0 }
