-- claim_held: read, update or release a Zaqar claim.
-- keys:  Q.   args: "get", "update" or "release", claim id, and for update: ttl ms, grace ms
-- reply: get: {now, keep s, created ms, ttl s, {seq, record, state} ...}; else the number of messages concerned.
-- fails: NOQUEUE; NOCLAIM (unknown, released or expired).   cost: O(k log n), k <= 20 messages of the claim.
-- uses: again, back, c, CLAIM, KIND, L, lengthen, M, open, q, Q, S, settle, state_of, tell
local wrong = open()
if wrong then return wrong end
local C, CX = Q .. ':c', Q .. ':cx'
local what, id = ARGV[1], ARGV[2]
local ends = tonumber(call('ZSCORE', CX, id) or 0)
if ends <= q.now then return { err = 'NOCLAIM' } end
local claim = cmsgpack.unpack(call('HGET', C, id))
local reply, concerned = { q.now, c.keep / 1000, claim[1], claim[2] }, 0
local ttl, grace = tonumber(ARGV[3] or 0), tonumber(ARGV[4] or 0)
for i = 3, #claim do
  local seq = string.format('%.0f', claim[i])
  local record, packed = call('HGET', M, seq), call('HGET', S, seq)
  local lease = tonumber(call('ZSCORE', L, seq) or 0)
  if record and packed and lease > q.now then
    local state = state_of(packed)
    if state[CLAIM] == id then
      concerned = concerned + 1
      if what == 'get' then
        reply[#reply + 1] = { seq, record, packed }
      elseif what == 'update' then
        lengthen(seq, record, state, ttl, grace)
        call('HSET', S, seq, cmsgpack.pack(state))
        again(seq, q.now + ttl)
      else
        -- the claim has no part in the message any more: see delete_by_id
        state[CLAIM] = ''
        call('HSET', S, seq, cmsgpack.pack(state))
        call('ZREM', L, seq)
        back({ seq })
      end
    end
  end
end
if what == 'get' then return reply end
local freed = settle()
if what == 'update' then
  claim[1], claim[2] = q.now, ttl / 1000
  call('HSET', C, id, cmsgpack.pack(claim))
  call('ZADD', CX, q.now + ttl, id)
  tell(q.now + ttl < ends and 1 or 0)
else
  call('HDEL', C, id)
  call('ZREM', CX, id)
  tell(KIND == 'fifo' and freed or concerned)
end
return concerned
