-- subscription_confirm: mark a subscription as confirmed or as unconfirmed.
-- keys:  the queue.
-- args:  id, 1 or 0, 1 if the subscriber is to be notified that it is not confirmed
-- reply: OK.
-- fails: NOQUEUE; NOSUBSCRIPTION.
-- effect: stores.
-- cost:  O(1).
-- uses: base_key, CONFIRMED, NOSUBSCRIPTION, notify_subscription, open_any_queue, save_clock, SINCE, subscription_of
local wrong = open_any_queue()
if wrong then return wrong end
local it = subscription_of(ARGV[1])
if not it then return NOSUBSCRIPTION end
if it[CONFIRMED] ~= 1 then it[SINCE] = tonumber(call('HGET', base_key, 'seq')) end
it[CONFIRMED] = tonumber(ARGV[2])
call('HSET', base_key .. ':u', ARGV[1], cmsgpack.pack(it))
if ARGV[2] == '0' and ARGV[3] == '1' then notify_subscription(ARGV[1], 'b') end
save_clock()
return 'OK'
