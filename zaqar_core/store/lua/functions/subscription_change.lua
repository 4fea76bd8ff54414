-- subscription_change: change the given fields of a subscription, all or nothing; a new ttl begins now.
-- keys:  the queue.
-- args:  id, subscriber ("": unchanged), options (JSON, "": unchanged), ttl s (0: unchanged), 1 if a new subscriber is
--        to be asked for confirmation
-- reply: OK.
-- fails: NOQUEUE; NOSUBSCRIPTION; EXISTS (another subscription has that subscriber).
-- effect: stores.
-- cost:  O(log n).
-- uses: base_key, CONFIRMED, NOSUBSCRIPTION, notify_subscription, now_ms, open_any_queue, OPTIONS, save_clock
-- uses: SUBSCRIBER, subscriber_of, subscription_of, TTL_SECONDS
local wrong = open_any_queue()
if wrong then return wrong end
local it = subscription_of(ARGV[1])
if not it then return NOSUBSCRIPTION end
local is_new = ARGV[2] ~= '' and ARGV[2] ~= it[SUBSCRIBER]
if is_new then
  if subscriber_of(ARGV[2]) then return { err = 'EXISTS' } end
  call('HDEL', base_key .. ':ui', it[SUBSCRIBER])
  call('HSET', base_key .. ':ui', ARGV[2], ARGV[1])
  it[SUBSCRIBER], it[CONFIRMED] = ARGV[2], 0
end
if ARGV[3] ~= '' then it[OPTIONS] = ARGV[3] end
if ARGV[4] ~= '0' then
  it[TTL_SECONDS] = tonumber(ARGV[4])
  call('ZADD', base_key .. ':ue', now_ms + it[TTL_SECONDS] * 1000, ARGV[1])
end
call('HSET', base_key .. ':u', ARGV[1], cmsgpack.pack(it))
if is_new and ARGV[5] == '1' then notify_subscription(ARGV[1], 'a') end
save_clock()
return 'OK'
