-- send: put messages into the queue, in order; SQS entries that are too long are left out and say so.
-- keys:  Q.   args: mode "s" (SQS) or "z" (Zaqar: all or nothing, a delay only where the queue has one, an own ttl
--        always), length of the whole post in bytes, default of max_message_bytes or max_post_bytes,
--        then per message: record without sent and ttl, size bytes (-1: unchecked), delay s (-1: the queue's),
--        own ttl s (0: none, -1: the queue's at this moment)
-- reply: per message its seq, or -limit when longer than the limit in bytes.
-- fails: NOQUEUE, POSTTOOLONG limit.   cost: O(k log n), one wake per message.
-- uses: queue wake
if not open('seq', 'delay_seconds', 'max_message_bytes', 'max_post_bytes') then return NOQUEUE end
local f = q.f
local seq, queue_delay = tonumber(f[7]), tonumber(f[8] or 0)
local zaqar = ARGV[1] == 'z'
local limit = tonumber((zaqar and f[10] or not zaqar and f[9]) or ARGV[3])
if zaqar and tonumber(ARGV[2]) > limit then return { err = 'POSTTOOLONG ' .. limit } end
local sent, reply, ready, delayed = string.format('%013d', q.now), {}, 0, 0
for at = 4, #ARGV, 4 do
  local record, size = ARGV[at], tonumber(ARGV[at + 1])
  if size > limit and not zaqar then
    reply[#reply + 1] = -limit
  else
    seq = seq + 1
    local delay, ttl = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    if delay < 0 or (zaqar and queue_delay == 0) then delay = queue_delay end
    if ttl < 0 then ttl = q.keep / 1000 end
    if ttl > 0 then
      record = string.sub(record, 1, 9) .. string.format('%08d', ttl) .. string.sub(record, 10)
      mark('e')
      call('ZADD', E, q.now + ttl * 1000, seq)
    end
    call('HSET', M, seq, sent .. record)
    if delay > 0 then
      mark('d')
      call('ZADD', D, q.now + delay * 1000, seq)
      call('ZADD', X, seq, seq)
      delayed = 1
    else
      call('ZADD', R, seq, seq)
      ready = ready + 1
    end
    reply[#reply + 1] = seq
  end
end
if ready + delayed > 0 then
  call('HSET', Q, 'seq', seq, 'now', q.now)
  wake(ready + delayed)
end
return reply
