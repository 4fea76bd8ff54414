-- receive: lease up to n messages for SQS and count the receive; or register a waiter.
-- keys:  Q.   args: n, visibility ms (-1: the queue's), nonce (16 hex digits), in-flight limit, wait ms (-1: the
--        queue's), and where it may wait: waiter, incarnation it began with ("" at first), 1 if it looks for the last
--        time; fifo: the attempt's id (16 bytes), if it has one
-- reply: one text (layout: lua/shared/answer), or, empty:
--        {inc, intents, wait ms in force, ms until the next message is due or -1, 1 if it should look again at once}
-- fails: NOQUEUE (also another incarnation), OVERLIMIT (neither for one that waits nor in FIFO), NOTRETRYABLE (fifo: the
--        attempt's messages are not as it left them).   cost: O(k log n).
-- uses: answer, c, hold, is_behind, KIND, L, next_due, NOQUEUE, number, open, place, Q, q, remember_now, settle, take
-- uses: tell, tick, wake
-- uses (fifo): NOT_RETRYABLE, remember_attempt, repeated
local wrong = open()
if wrong then return wrong end
local waiter, began = ARGV[6] ~= '' and ARGV[6], ARGV[7]
local attempt = KIND == 'fifo' and ARGV[9]
if began and began ~= '' and began ~= c.inc then return NOQUEUE end
local n, visibility, wait = number(ARGV[1]), number(ARGV[2]), tonumber(ARGV[5])
if visibility < 0 then visibility = c.visibility end
if wait < 0 then wait = c.wait end
tick(100)
local taken, since, intents, again_at_once = nil, nil, 0, false
if attempt then
  taken, since = repeated(attempt, visibility)
  if taken == NOT_RETRYABLE then
    if began and began ~= '' then
      -- a message may have woken this waiter: another one must look for it
      call('ZREM', Q .. ':w', waiter)
      wake(1)
    end
    return NOT_RETRYABLE
  end
end
if not taken then
  local limit = number(ARGV[4])
  if not c.flying or c.flying + n > limit then
    c.flying = call('ZCARD', L)
    n = math.min(n, limit - c.flying)
  end
  if n <= 0 then
    settle()
    if wait > 0 or KIND == 'fifo' then return { c.inc, 0, wait, 1000, 0 } end
    return { err = 'OVERLIMIT' }
  end
  taken, intents, again_at_once = take(n, ARGV[3], '')
end
if #taken > 0 then
  local reply = answer(taken, intents, since)
  if attempt then remember_attempt(attempt, taken, q.now + visibility, since) end
  if visibility > 0 then
    hold(taken, q.now + visibility)
  else
    for _, one in ipairs(taken) do place(one[1], one[2], true) end
    wake(#taken)
  end
  settle()
  remember_now()
  if began and began ~= '' then
    call('ZREM', Q .. ':w', waiter)
    q.sooner = q.sooner or call('HGET', Q, 'told') == waiter
  end
  tell(0)
  return reply
end
settle()
local due = next_due()
again_at_once = again_at_once or is_behind()
if waiter then
  if ARGV[8] == '1' or wait == 0 then
    call('ZREM', Q .. ':w', waiter)
    if due >= 0 and wait > 0 then wake(1) end
  elseif not again_at_once then
    if not call('ZSCORE', Q .. ':w', waiter) then call('ZADD', Q .. ':w', q.real + wait, waiter) end
    if due >= 0 and call('HGET', Q, 'told') ~= waiter then call('HSET', Q, 'told', waiter) end
  end
end
return { c.inc, intents, wait, due, again_at_once and 1 or 0 }
