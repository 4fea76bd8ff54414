-- move_intents: take or keep the lease on this queue's moves, and read the oldest unfinished ones.
-- keys:  the queue.
-- args:  token of the calling process, lease ms, most messages, most bytes
-- reply: {} when none is left (the lease is given up) or another process has the lease; else {incarnation, creator,
--        real time ms, then per message: seq, destination, record, count, first ms, age ms, left ms, ttl s, task}. left
--        is the ttl of dead letters where the queue has one, else what is left of the message's own ttl, else -1. ttl
--        is the one that the message is then shown with, else 0.
-- fails: NOQUEUE.
-- effect: frees.
-- cost:  O(most).
-- uses: base_key, flags_of, has_flag, NOQUEUE, OWN_TTL, real_ms
local source, now = call('HMGET', base_key, 'inc', 'by', 'mover', 'mover_until'), real_ms()
if not source[1] then return NOQUEUE end
if source[3] and source[3] ~= ARGV[1] and tonumber(source[4]) > now then return {} end
local seqs = call('ZRANGE', base_key .. ':mo', 0, ARGV[3] - 1)
if #seqs == 0 then
  if source[3] then call('HDEL', base_key, 'mover', 'mover_until') end
  return {}
end
call('HSET', base_key, 'mover', ARGV[1], 'mover_until', now + ARGV[2])
local reply, bytes, most = { source[1], source[2], now }, 0, tonumber(ARGV[4])
for _, seq in ipairs(seqs) do
  if bytes >= most then break end
  local it = cmsgpack.unpack(call('HGET', base_key .. ':mi', seq))
  bytes = bytes + #it[2]
  local left, ttl = it[6], it[7]
  if it[8] >= 0 then
    left, ttl = it[8] * 1000, it[8]
  elseif ttl == 0 and has_flag(flags_of(it[2]), OWN_TTL) then
    ttl = tonumber(string.sub(it[2], 23, 30))
  end
  for _, part in ipairs({ seq, it[1], it[2], it[3], it[4], it[5], left, ttl, it[10] }) do
    reply[#reply + 1] = part
  end
end
return reply
