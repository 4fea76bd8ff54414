-- claim: lease up to n messages to a new Zaqar claim.
-- keys:  the queue.
-- args:  n, claim id (32 hex digits), nonce, ttl ms, grace ms (below 0: the messages' expiry does not change)
-- reply: one text (layout: lua/shared/receive_reply); without messages: {intents, 1 if the caller should try again}.
-- fails: NOQUEUE; GROUPED.
-- effect: frees.
-- cost:  O(k log n), independent of the number in flight.
-- uses: base_key, due_ms, extend_expiry, is_behind, KIND, lease_taken, now_ms, open_queue, process_due, queue
-- uses: receive_reply, save_clock, take_visible, update_groups, wake_for_new
-- uses (plain): check_due, deliver_fresh
local wrong = open_queue(true)
if wrong then return wrong end
if now_ms >= due_ms then process_due(100) end
local claims_key, claim_ends_key = base_key .. ':c', base_key .. ':cx'
-- every 16th claim removes more than 16 old ones
queue.claims_made = (queue.claims_made or 0) + 1
if queue.claims_made % 16 == 0 then
  local old = call('ZRANGEBYSCORE', claim_ends_key, '-inf', now_ms, 'LIMIT', 0, 320)
  if #old > 0 then
    call('ZREM', claim_ends_key, unpack(old))
    call('HDEL', claims_key, unpack(old))
  end
end
local ttl, grace = tonumber(ARGV[4]), tonumber(ARGV[5])
local ends = now_ms + ttl
local function save_claim(seqs)
  call('HSET', claims_key, ARGV[2], cmsgpack.pack({ now_ms, ttl / 1000, unpack(seqs) }))
  call('ZADD', claim_ends_key, ends, ARGV[2])
  save_clock()
end
local found
if KIND == 'plain' then
  local reply, seqs = deliver_fresh(tonumber(ARGV[1]), ARGV[3], ARGV[2], ends, grace >= 0 and ends or now_ms)
  if reply then
    save_claim(seqs)
    wake_for_new(0)
    return reply
  end
  if not check_due(100) then found = seqs end
end
local taken, intents, again_at_once = take_visible(tonumber(ARGV[1]), ARGV[3], ARGV[2], found)
if #taken == 0 then
  update_groups()
  return { intents, (again_at_once or is_behind()) and 1 or 0 }
end
local seqs = {}
for i, one in ipairs(taken) do
  if grace >= 0 then one[3] = extend_expiry(one[1], one[2], one[3], ttl, grace) end
  seqs[i] = tonumber(one[1])
end
local reply = receive_reply(taken, intents)
lease_taken(taken, ends)
update_groups()
wake_for_new(0)
save_claim(seqs)
return reply
