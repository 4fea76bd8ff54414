-- claim: lease up to n messages to a new Zaqar claim; or to each of several, one after the other.
-- keys:  the queue.
-- args:  n, claim id (32 hex digits), nonce, ttl ms, grace ms (below 0: the messages' expiry does not change);
--        claim id and nonce of each further claim
-- reply: one text (layout: lua/shared/receive_reply); without messages: {intents, 1 if the caller should try again}.
--        For several claims a list of these, up to the first one without messages.
-- fails: NOQUEUE; GROUPED.
-- effect: frees.
-- cost:  O(k log n), independent of the number in flight.
-- uses: base_key, due_ms, extend_expiry, is_behind, KIND, lease_taken, now_ms, open_queue, process_due, queue
-- uses: receive_reply, save_clock, take_visible, update_groups, wake_for_new, write_pairs
-- uses (plain): check_due, deliver_fresh
local wrong = open_queue(true)
if wrong then return wrong end
if now_ms >= due_ms then process_due(100) end
local n, ttl, grace = tonumber(ARGV[1]), tonumber(ARGV[4]), tonumber(ARGV[5])
local ends = now_ms + ttl
local claims_key, claim_ends_key = base_key .. ':c', base_key .. ':cx'
local entries, entry_ends = {}, {}
local function enter_claim(claim, seqs)
  local at = #entries
  entries[at + 1], entries[at + 2] = claim, cmsgpack.pack({ now_ms, ttl / 1000, unpack(seqs) })
  entry_ends[at + 1], entry_ends[at + 2] = ends, claim
end
-- every 16th claim removes more than 16 old ones
local function remove_old_claims()
  queue.claims_made = (queue.claims_made or 0) + 1
  if queue.claims_made % 16 ~= 0 then return end
  local old = call('ZRANGEBYSCORE', claim_ends_key, '-inf', now_ms, 'LIMIT', 0, 320)
  if #old > 0 then
    call('ZREM', claim_ends_key, unpack(old))
    call('HDEL', claims_key, unpack(old))
  end
end
-- Returns the reply for one claim, and whether it got messages.
local function lease_to(claim, nonce)
  remove_old_claims()
  local found
  if KIND == 'plain' then
    local reply, seqs = deliver_fresh(n, nonce, claim, ends, grace >= 0 and ends or now_ms)
    if reply then
      enter_claim(claim, seqs)
      return reply, true
    end
    if not check_due(100) then found = seqs end
  end
  local taken, intents, again_at_once = take_visible(n, nonce, claim, found)
  if #taken == 0 then return { intents, (again_at_once or is_behind()) and 1 or 0 } end
  local seqs = {}
  for i, one in ipairs(taken) do
    if grace >= 0 then one[3] = extend_expiry(one[1], one[2], one[3], ttl, grace) end
    seqs[i] = tonumber(one[1])
  end
  local reply = receive_reply(taken, intents)
  lease_taken(taken, ends)
  enter_claim(claim, seqs)
  return reply, true
end
local reply, is_found = lease_to(ARGV[2], ARGV[3])
local replies = ARGV[6] and { reply }
for at = 6, #ARGV, 2 do
  if not is_found then break end
  reply, is_found = lease_to(ARGV[at], ARGV[at + 1])
  replies[#replies + 1] = reply
end
update_groups()
if entries[1] then
  write_pairs('HSET', claims_key, entries)
  write_pairs('ZADD', claim_ends_key, entry_ends)
  save_clock()
  wake_for_new(0)
end
return replies or reply
