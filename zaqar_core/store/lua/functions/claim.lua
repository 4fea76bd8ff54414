-- claim: lease up to n messages to a new Zaqar claim.
-- keys:  the queue.
-- args:  n, claim id (32 hex digits), nonce, ttl ms, grace ms (below 0: the messages' expiry does not change)
-- reply: one text (layout: lua/shared/receive_reply); without messages: {intents, 1 if the caller should try again}.
-- fails: NOQUEUE; GROUPED.
-- effect: frees.
-- cost:  O(k log n), independent of the number in flight.
-- uses: base_key, context, extend_expiry, is_behind, lease_taken, open_queue, process_due, queue, receive_reply
-- uses: save_clock, take_visible, update_groups, wake_for_new
local wrong = open_queue()
if wrong then return wrong end
process_due(100)
local claims_key, claim_ends_key = base_key .. ':c', base_key .. ':cx'
-- every 16th claim removes more than 16 old ones
queue.claims_made = (queue.claims_made or 0) + 1
if queue.claims_made % 16 == 0 then
  local old = call('ZRANGEBYSCORE', claim_ends_key, '-inf', context.now_ms, 'LIMIT', 0, 320)
  if #old > 0 then
    call('ZREM', claim_ends_key, unpack(old))
    call('HDEL', claims_key, unpack(old))
  end
end
local ttl, grace = tonumber(ARGV[4]), tonumber(ARGV[5])
local taken, intents, again_at_once = take_visible(tonumber(ARGV[1]), ARGV[3], ARGV[2])
if #taken == 0 then
  update_groups()
  return { intents, (again_at_once or is_behind()) and 1 or 0 }
end
local claim = { context.now_ms, ttl / 1000 }
for i, one in ipairs(taken) do
  if grace >= 0 then one[3] = extend_expiry(one[1], one[2], one[3], ttl, grace) end
  claim[2 + i] = tonumber(one[1])
end
local reply = receive_reply(taken, intents)
lease_taken(taken, context.now_ms + ttl)
update_groups()
wake_for_new(0)
call('HSET', claims_key, ARGV[2], cmsgpack.pack(claim))
call('ZADD', claim_ends_key, context.now_ms + ttl, ARGV[2])
save_clock()
return reply
