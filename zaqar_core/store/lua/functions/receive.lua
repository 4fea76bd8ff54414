-- receive: lease up to n messages for SQS and count the receive; or register a waiter.
-- keys:  the queue.
-- args:  one text of three numbers: n, visibility timeout ms (-1: the queue's), in-flight limit; if the call stands for
--        several, also n of the first one: no more are taken if they stay visible, since all calls would get the same
--        ones; nonce (16 hex digits), wait ms (-1: the queue's); for a long poll: waiter, incarnation at its first call
--        ("" in the first call), 1 in its last call, 2 to leave without a message; fifo: the id of the receive attempt
--        (16 bytes), if it has one
-- reply: one text (layout: lua/shared/receive_reply), or, without messages: {incarnation, intents, wait ms in force, ms
--        until the next message is due or -1, 1 if the caller should try again at once}.
-- fails: NOQUEUE (also for another incarnation); GROUPED; OVERLIMIT (neither in a long poll nor in a fifo queue);
--        NOTRETRYABLE (fifo: the attempt's messages have changed since).
-- effect: frees.
-- cost:  O(k log n).
-- uses: add_waiter, base_key, context, due_ms, is_behind, KIND, lease_taken, leases_key, make_visible, next_due
-- uses: NOQUEUE, now_ms, open_queue, process_due, queue, receive_reply, save_clock, server_ms, take_visible, to_numbers
-- uses: update_groups, wake_for_new, wake_waiters
-- uses (fifo): NOT_RETRYABLE, remember_attempt, repeat_attempt
-- uses (plain): check_due, deliver_fresh
local wrong = open_queue(true)
if wrong then return wrong end
local waiter, began = ARGV[4] ~= '' and ARGV[4], ARGV[5] ~= '' and ARGV[5]
local attempt = KIND == 'fifo' and ARGV[7]
if began and began ~= queue.incarnation then return NOQUEUE end
if began and ARGV[6] == '2' then
  -- If a message has woken this waiter, or it was the one to look at `due`, another one must do so.
  if call('ZREM', base_key .. ':w', waiter) == 0 or call('HGET', base_key, 'told') == waiter then wake_waiters(1) end
  return { queue.incarnation, 0, 0, -1, 0 }
end
local numbers, nonce = to_numbers(ARGV[1]), ARGV[2]
local n, visibility, limit = numbers[1], numbers[2], numbers[3]
if visibility < 0 then visibility = queue.visibility_ms end
if visibility == 0 then n = numbers[4] or n end
if now_ms >= due_ms then process_due(100) end
local found
if KIND == 'plain' then
  if not began and visibility > 0 and queue.in_flight and queue.in_flight + n <= limit then
    local reply
    reply, found = deliver_fresh(n, nonce, '', now_ms + visibility, now_ms)
    if reply then
      save_clock()
      wake_for_new(0)
      return reply
    end
  end
  if check_due(100) then found = nil end
end
local wait = tonumber(ARGV[3])
if wait < 0 then wait = queue.wait_ms end
local taken, since, intents, again_at_once = nil, nil, 0, false
if attempt then
  taken, since = repeat_attempt(attempt, visibility)
  if taken == NOT_RETRYABLE then
    if began then
      -- a message may have woken this waiter: another one must receive it
      call('ZREM', base_key .. ':w', waiter)
      wake_waiters(1)
    end
    return NOT_RETRYABLE
  end
end
if not taken then
  if not queue.in_flight or queue.in_flight + n > limit then
    queue.in_flight = call('ZCARD', leases_key)
    n = math.min(n, limit - queue.in_flight)
  end
  if n <= 0 then
    update_groups()
    if wait > 0 or KIND == 'fifo' then return { queue.incarnation, 0, wait, 1000, 0 } end
    return { err = 'OVERLIMIT' }
  end
  taken, intents, again_at_once = take_visible(n, nonce, '', found)
end
if #taken > 0 then
  local reply = receive_reply(taken, intents, since)
  if attempt then remember_attempt(attempt, taken, now_ms + visibility, since) end
  if visibility > 0 then
    lease_taken(taken, now_ms + visibility)
  else
    for _, one in ipairs(taken) do make_visible(one[1], one[2], true) end
    wake_waiters(#taken)
  end
  update_groups()
  save_clock()
  if began then
    call('ZREM', base_key .. ':w', waiter)
    context.due_was_lowered = context.due_was_lowered or call('HGET', base_key, 'told') == waiter
  end
  wake_for_new(0)
  return reply
end
update_groups()
local due = next_due()
again_at_once = again_at_once or is_behind()
if waiter then
  if ARGV[6] == '1' or wait == 0 then
    call('ZREM', base_key .. ':w', waiter)
    if due >= 0 and wait > 0 then wake_waiters(1) end
  elseif not again_at_once then
    if not call('ZSCORE', base_key .. ':w', waiter) then
      add_waiter(waiter, server_ms + wait)
    end
    if due >= 0 and call('HGET', base_key, 'told') ~= waiter then call('HSET', base_key, 'told', waiter) end
  end
end
return { queue.incarnation, intents, wait, due, again_at_once and 1 or 0 }
