-- subscription_change: what is given of a subscription is changed, all or nothing; a new ttl begins now.
-- keys:  Q.   args: id, subscriber ("" as it is), options (JSON, "" as they are), ttl s (0 as it is),
--        1 if a new subscriber is to be asked for confirmation
-- reply: OK.   fails: NOQUEUE, NOSUBSCRIPTION, EXISTS (another subscription has that subscriber).   cost: O(log n).
-- uses: CONFIRMED, GROUPED_QUEUE, LIFE, NOSUBSCRIPTION, notify, open, OPTIONS, q, Q, remember_now, SUBSCRIBER
-- uses: subscriber_of, subscription_of
local wrong = open()
if wrong and wrong ~= GROUPED_QUEUE then return wrong end
local it = subscription_of(ARGV[1])
if not it then return NOSUBSCRIPTION end
local is_new = ARGV[2] ~= '' and ARGV[2] ~= it[SUBSCRIBER]
if is_new then
  if subscriber_of(ARGV[2]) then return { err = 'EXISTS' } end
  call('HDEL', Q .. ':ui', it[SUBSCRIBER])
  call('HSET', Q .. ':ui', ARGV[2], ARGV[1])
  it[SUBSCRIBER], it[CONFIRMED] = ARGV[2], 0
end
if ARGV[3] ~= '' then it[OPTIONS] = ARGV[3] end
if ARGV[4] ~= '0' then
  it[LIFE] = tonumber(ARGV[4])
  call('ZADD', Q .. ':ue', q.now + it[LIFE] * 1000, ARGV[1])
end
call('HSET', Q .. ':u', ARGV[1], cmsgpack.pack(it))
if is_new and ARGV[5] == '1' then notify(ARGV[1], 'a') end
remember_now()
return 'OK'
