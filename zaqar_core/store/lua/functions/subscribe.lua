-- subscribe: the subscriber has a subscription: a new one, or the one that it has.
-- keys:  Q.   args: end of the id if it is made (24 characters), subscriber, options (JSON), ttl s,
--        1 if an unconfirmed subscriber is to be asked for confirmation
-- reply: {id, 1 if made now, 1 if confirmed}.   fails: NOQUEUE.   cost: O(log n).
-- uses: CONFIRMED, GROUPED_QUEUE, lapse, mark, notify, open, q, Q, remember_now, subscriber_of
local wrong = open()
if wrong and wrong ~= GROUPED_QUEUE then return wrong end
lapse(100)
remember_now()
local id, found = subscriber_of(ARGV[2])
if id then
  if ARGV[5] == '1' and found[CONFIRMED] ~= 1 then notify(id, 'a') end
  return { id, 0, found[CONFIRMED] }
end
mark('s')
local number = string.format('%012x', call('HINCRBY', Q, 'subscriptions', 1))
id = string.sub(number, 1, 8) .. '-' .. string.sub(number, 9) .. '-' .. ARGV[1]
call('HSET', Q .. ':u', id, cmsgpack.pack({ ARGV[2], ARGV[3], tonumber(ARGV[4]), q.now, 0, 0 }))
call('HSET', Q .. ':ui', ARGV[2], id)
call('ZADD', Q .. ':ue', q.now + ARGV[4] * 1000, id)
call('ZADD', Q .. ':un', 0, id)
if ARGV[5] == '1' then notify(id, 'a') end
return { id, 1, 0 }
