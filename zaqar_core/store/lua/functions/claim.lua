-- claim: lease up to n messages to a new Zaqar claim.
-- keys:  Q.   args: n, claim id (32 hex digits), nonce, ttl ms, grace ms
-- reply: {now, keep s, intents, {seq, record, state} ...}; no message: {now, keep s, intents, 1 if to be tried again}.
-- fails: NOQUEUE.   cost: O(k log n), independent of what is in flight.
local wrong = open()
if wrong then return wrong end
tick(100)
local C, CX = Q .. ':c', Q .. ':cx'
for _, id in ipairs(call('ZRANGEBYSCORE', CX, '-inf', q.now, 'LIMIT', 0, 20)) do
  call('ZREM', CX, id)
  call('HDEL', C, id)
end
local ttl, grace = tonumber(ARGV[4]), tonumber(ARGV[5])
local taken, intents, again_at_once = take(tonumber(ARGV[1]), ARGV[3], ARGV[2])
local reply = { q.now, c.keep / 1000, intents }
if #taken == 0 then
  settle()
  reply[4] = (again_at_once or is_behind()) and 1 or 0
  return reply
end
local claim = { q.now, ttl / 1000 }
for i, one in ipairs(taken) do
  lengthen(one[1], one[2], one[3], ttl, grace)
  local packed = cmsgpack.pack(one[3])
  call('HSET', S, one[1], packed)
  claim[2 + i] = tonumber(one[1])
  reply[3 + i] = { one[1], one[2], packed }
end
hold(taken, q.now + ttl)
settle()
tell(0)
call('HSET', C, ARGV[2], cmsgpack.pack(claim))
call('ZADD', CX, q.now + ttl, ARGV[2])
remember_now()
return reply
