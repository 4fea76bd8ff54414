-- receive: lease up to n messages for SQS and count the receive; or register a waiter.
-- keys:  Q.   args: n, visibility ms (-1: the queue's), nonce (16 hex digits), in-flight limit, wait ms (-1: the
--        queue's), and where it may wait: waiter, incarnation it began with ("" at first), 1 if it looks for the last
--        time; fifo: id of the attempt (16 bytes; "" none)
-- reply: {1, inc, now, keep s, intents, {seq, record, state} ...} or, empty:
--        {0, inc, intents, wait ms in force, ms until the next message is due or -1, 1 if it should look again at once}
-- fails: NOQUEUE (also another incarnation), OVERLIMIT.   cost: O(k log n).
local wrong = open('visibility_timeout_seconds', 'receive_wait_seconds')
if wrong then return wrong end
local waiter, began = ARGV[6], ARGV[7]
if began and began ~= '' and began ~= q.inc then return NOQUEUE end
local visibility, wait = tonumber(ARGV[2]), tonumber(ARGV[5])
if visibility < 0 then visibility = (q.f[8] or 30) * 1000 end
if wait < 0 then wait = (q.f[9] or 0) * 1000 end
tick(100)
local taken, intents, again_at_once = nil, 0, false
if KIND == 'fifo' and ARGV[9] and ARGV[9] ~= '' then taken = repeated(ARGV[9], visibility) end
if not taken then
  if call('ZCARD', L) >= tonumber(ARGV[4]) and KIND ~= 'fifo' then
    settle()
    if wait > 0 then return { 0, q.inc, 0, wait, 1000, 0 } end
    return { err = 'OVERLIMIT' }
  end
  taken, intents, again_at_once = take(tonumber(ARGV[1]), ARGV[3], '')
end
if #taken > 0 then
  local reply, states = { 1, q.inc, q.now, q.keep / 1000, intents }, {}
  for i, one in ipairs(taken) do
    local packed = cmsgpack.pack(one[3])
    states[2 * i - 1], states[2 * i] = one[1], packed
    reply[5 + i] = { one[1], one[2], packed }
  end
  call('HSET', S, unpack(states))
  if visibility > 0 then
    hold(taken, q.now + visibility)
    if KIND == 'fifo' and ARGV[9] and ARGV[9] ~= '' then remember_attempt(ARGV[9], taken) end
  else
    for _, one in ipairs(taken) do place(one[1], one[2], true) end
    wake(#taken)
  end
  settle()
  remember_now()
  if began and began ~= '' then call('ZREM', Q .. ':w', waiter) end
  return reply
end
settle()
local due = next_due()
if waiter then
  if ARGV[8] == '1' or wait == 0 then
    call('ZREM', Q .. ':w', waiter)
    if due >= 0 and wait > 0 then wake(1) end
  elseif not again_at_once and not call('ZSCORE', Q .. ':w', waiter) then
    call('ZADD', Q .. ':w', q.real + wait, waiter)
  end
end
return { 0, q.inc, intents, wait, due, again_at_once and 1 or 0 }
