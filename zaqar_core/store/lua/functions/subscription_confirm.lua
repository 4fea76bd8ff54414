-- subscription_confirm: a subscription is confirmed, or is not any more.
-- keys:  Q.   args: id, 1 or 0, 1 if the subscriber is to be told that it is not.   reply: OK.   fails: NOQUEUE, NOSUBSCRIPTION.   cost: O(1).
-- uses: CONFIRMED, GROUPED_QUEUE, NOSUBSCRIPTION, notify, open, q, Q, remember_now, SINCE, subscription_of
local wrong = open('seq')
if wrong and wrong ~= GROUPED_QUEUE then return wrong end
local it = subscription_of(ARGV[1])
if not it then return NOSUBSCRIPTION end
if it[CONFIRMED] ~= 1 then it[SINCE] = tonumber(q.f[4]) end
it[CONFIRMED] = tonumber(ARGV[2])
call('HSET', Q .. ':u', ARGV[1], cmsgpack.pack(it))
if ARGV[2] == '0' and ARGV[3] == '1' then notify(ARGV[1], 'b') end
remember_now()
return 'OK'
