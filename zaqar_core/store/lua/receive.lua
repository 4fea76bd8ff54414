-- receive: lease up to n messages for SQS and count the receive; or register a waiter.
-- keys:  Q.   args: n, visibility ms (-1: the queue's), nonce (16 hex digits), waiter ("" none), wait ms (-1: the
--        queue's), in-flight limit, incarnation the waiter began with ("" at first), 1 if it looks for the last time
-- reply: {1, inc, now, keep s, intents, {seq, record, state} ...} or, empty:
--        {0, inc, intents, wait ms in force, ms until the next message is due or -1, 1 if it should look again at once}
-- fails: NOQUEUE (also another incarnation), OVERLIMIT.   cost: O(k log n).
-- uses: queue state forget due wake take
if not open_to_take('visibility_timeout_seconds', 'receive_wait_seconds') then return NOQUEUE end
local n, waiter, began = tonumber(ARGV[1]), ARGV[4], ARGV[7]
if began ~= '' and began ~= q.inc then return NOQUEUE end
local visibility, wait = tonumber(ARGV[2]), tonumber(ARGV[5])
if visibility < 0 then visibility = tonumber(q.f[11] or 30) * 1000 end
if wait < 0 then wait = tonumber(q.f[12] or 0) * 1000 end
promote()
expire_own(100)
if call('ZCARD', L) >= tonumber(ARGV[6]) then
  if wait > 0 then return { 0, q.inc, 0, wait, 1000, 0 } end
  return { err = 'OVERLIMIT' }
end
local taken, intents, again = take(n, ARGV[3], '')
if #taken > 0 then
  local reply = { 1, q.inc, q.now, q.keep / 1000, intents }
  for i, one in ipairs(taken) do
    local seq, packed = one[1], cmsgpack.pack(one[3])
    call('HSET', S, seq, packed)
    if visibility > 0 then
      call('ZADD', L, q.now + visibility, seq)
      call('ZADD', X, seq, seq)
    else
      call('ZADD', R, seq, seq)
    end
    one[3] = packed
    reply[5 + i] = one
  end
  if visibility == 0 then wake(#taken) end
  remember_now()
  if began ~= '' then call('ZREM', W, waiter) end
  return reply
end
local due = next_due()
if waiter ~= '' then
  if ARGV[8] == '1' or wait == 0 then
    call('ZREM', W, waiter)
    if due >= 0 and wait > 0 then wake(1) end
  elseif not again and not call('ZSCORE', W, waiter) then
    call('ZADD', W, real + wait, waiter)
  end
end
return { 0, q.inc, intents, wait, due, again and 1 or 0 }
