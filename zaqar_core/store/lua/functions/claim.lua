-- claim: lease up to n messages to a new Zaqar claim.
-- keys:  Q.   args: n, claim id (32 hex digits), nonce, ttl ms, grace ms (below 0: lives are left as they are)
-- reply: one text (layout: lua/shared/answer); no message: {intents, 1 if to be tried again}.
-- fails: NOQUEUE.   cost: O(k log n), independent of what is in flight.
-- uses: answer, c, hold, is_behind, lengthen, open, q, Q, remember_now, settle, take, tell, tick
local wrong = open()
if wrong then return wrong end
tick(100)
local C, CX = Q .. ':c', Q .. ':cx'
-- every 16th claim clears away more than 16 old ones
c.claims = (c.claims or 0) + 1
if c.claims % 16 == 0 then
  local old = call('ZRANGEBYSCORE', CX, '-inf', q.now, 'LIMIT', 0, 320)
  if #old > 0 then
    call('ZREM', CX, unpack(old))
    call('HDEL', C, unpack(old))
  end
end
local ttl, grace = tonumber(ARGV[4]), tonumber(ARGV[5])
local taken, intents, again_at_once = take(tonumber(ARGV[1]), ARGV[3], ARGV[2])
if #taken == 0 then
  settle()
  return { intents, (again_at_once or is_behind()) and 1 or 0 }
end
local claim = { q.now, ttl / 1000 }
for i, one in ipairs(taken) do
  if grace >= 0 then lengthen(one[1], one[2], one[3], ttl, grace) end
  claim[2 + i] = tonumber(one[1])
end
local reply = answer(taken, intents)
hold(taken, q.now + ttl)
settle()
tell(0)
call('HSET', C, ARGV[2], cmsgpack.pack(claim))
call('ZADD', CX, q.now + ttl, ARGV[2])
remember_now()
return reply
