-- claim: lease up to n messages to a new Zaqar claim.
-- keys:  Q.   args: n, claim id (32 hex digits), nonce, ttl ms, grace ms
-- reply: {now, keep s, intents, {seq, record, state} ...}; no message: {now, keep s, intents, 1 if to be tried again}.
-- fails: NOQUEUE.   cost: O(k log n), independent of what is in flight.
-- uses: queue state forget due take life
if not open_to_take() then return NOQUEUE end
promote()
expire_own(100)
for _, id in ipairs(call('ZRANGEBYSCORE', CX, '-inf', q.now, 'LIMIT', 0, 20)) do
  call('ZREM', CX, id)
  call('HDEL', C, id)
end
local ttl, grace = tonumber(ARGV[4]), tonumber(ARGV[5])
local taken, intents, again = take(tonumber(ARGV[1]), ARGV[3], ARGV[2])
local reply = { q.now, q.keep / 1000, intents }
if #taken == 0 then
  reply[4] = again and 1 or 0
  return reply
end
local claim = { q.now, ttl / 1000 }
for i, one in ipairs(taken) do
  local seq, state = one[1], one[3]
  lengthen(seq, one[2], state, ttl, grace)
  one[3] = cmsgpack.pack(state)
  call('HSET', S, seq, one[3])
  call('ZADD', L, q.now + ttl, seq)
  call('ZADD', X, seq, seq)
  claim[2 + i] = tonumber(seq)
  reply[3 + i] = one
end
call('HSET', C, ARGV[2], cmsgpack.pack(claim))
call('ZADD', CX, q.now + ttl, ARGV[2])
remember_now()
return reply
