-- intents: take or keep the lease on this queue's moves, and read the oldest that are not finished.
-- keys:  Q.   args: token of the asking process, lease ms, most messages, most bytes
-- reply: {} when nothing is left (the lease is given back) or another process has the lease; else {incarnation,
--        creator, real time ms, then per message: seq, destination, record, count, first ms, age ms, left ms, ttl s,
--        task}. What is left is the ttl for dead letters where the queue has one, else the message's own life, else -1;
--        ttl is what it is shown with then, else 0.
-- fails: NOQUEUE.   cost: O(most).
-- uses: flags_of, has, NOQUEUE, OWN_TTL, Q, real_ms
local queue, now = call('HMGET', Q, 'inc', 'by', 'mover', 'mover_until'), real_ms()
if not queue[1] then return NOQUEUE end
if queue[3] and queue[3] ~= ARGV[1] and tonumber(queue[4]) > now then return {} end
local seqs = call('ZRANGE', Q .. ':mo', 0, ARGV[3] - 1)
if #seqs == 0 then
  if queue[3] then call('HDEL', Q, 'mover', 'mover_until') end
  return {}
end
call('HSET', Q, 'mover', ARGV[1], 'mover_until', now + ARGV[2])
local reply, bytes, most = { queue[1], queue[2], now }, 0, tonumber(ARGV[4])
for _, seq in ipairs(seqs) do
  if bytes >= most then break end
  local it = cmsgpack.unpack(call('HGET', Q .. ':mi', seq))
  bytes = bytes + #it[2]
  local left, ttl = it[6], it[7]
  if it[8] >= 0 then
    left, ttl = it[8] * 1000, it[8]
  elseif ttl == 0 and has(flags_of(it[2]), OWN_TTL) then
    ttl = tonumber(string.sub(it[2], 23, 30))
  end
  for _, part in ipairs({ seq, it[1], it[2], it[3], it[4], it[5], left, ttl, it[10] }) do
    reply[#reply + 1] = part
  end
end
return reply
