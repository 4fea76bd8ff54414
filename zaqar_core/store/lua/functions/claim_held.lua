-- claim_held: read, update or release a Zaqar claim.
-- keys:  the queue.
-- args:  "get", "update" or "release", claim id, and for update: ttl ms, grace ms
-- reply: get: {now ms, retention s, created ms, ttl s, {seq, record, state} ...}; else the number of its messages.
-- fails: NOQUEUE; GROUPED; NOCLAIM (unknown, released or expired).
-- effect: frees.
-- cost:  O(k log n) for the messages of the claim, at most as many as one claim can take.
-- uses: base_key, CLAIM, extend_expiry, KIND, leases_key, now_ms, open_queue, queue, records_key, release, set_lease
-- uses: state_of, states_key, update_groups, wake_for_new
local wrong = open_queue()
if wrong then return wrong end
local claims_key, claim_ends_key = base_key .. ':c', base_key .. ':cx'
local what, id = ARGV[1], ARGV[2]
local ends = tonumber(call('ZSCORE', claim_ends_key, id) or 0)
if ends <= now_ms then return { err = 'NOCLAIM' } end
local claim = cmsgpack.unpack(call('HGET', claims_key, id))
local reply, concerned = { now_ms, queue.retention_ms / 1000, claim[1], claim[2] }, 0
local ttl, grace = tonumber(ARGV[3] or 0), tonumber(ARGV[4] or 0)
for i = 3, #claim do
  local seq = string.format('%.0f', claim[i])
  local record, packed = call('HGET', records_key, seq), call('HGET', states_key, seq)
  local lease = tonumber(call('ZSCORE', leases_key, seq) or 0)
  if record and packed and lease > now_ms then
    local state = state_of(packed)
    if state[CLAIM] == id then
      concerned = concerned + 1
      if what == 'get' then
        reply[#reply + 1] = { seq, record, packed }
      elseif what == 'update' then
        state = extend_expiry(seq, record, state, ttl, grace)
        call('HSET', states_key, seq, cmsgpack.pack(state))
        set_lease(seq, now_ms + ttl)
      else
        -- the claim can no longer delete the message: see delete_by_id
        state[CLAIM] = ''
        call('HSET', states_key, seq, cmsgpack.pack(state))
        call('ZREM', leases_key, seq)
        release({ seq })
      end
    end
  end
end
if what == 'get' then return reply end
local freed = update_groups()
if what == 'update' then
  claim[1], claim[2] = now_ms, ttl / 1000
  call('HSET', claims_key, id, cmsgpack.pack(claim))
  call('ZADD', claim_ends_key, now_ms + ttl, id)
  wake_for_new(now_ms + ttl < ends and 1 or 0)
else
  call('HDEL', claims_key, id)
  call('ZREM', claim_ends_key, id)
  wake_for_new(KIND == 'fifo' and freed or concerned)
end
return concerned
