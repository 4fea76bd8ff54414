-- notify_done: report the outcomes of deliveries that a process worked on. A delivery that another process has taken
-- since belongs to that process, unless it has arrived.
-- keys:  the queue.
-- args:  token, then per delivery: delivery, word, ms until the next try, reason. Words: done: it has arrived. failed:
--        it failed for good. retry_in_line: it failed, and is tried again at its position in its line. retry_outside:
--        it failed, and is tried again outside of its line. untried_in_line: it was not tried, and keeps its position.
--        untried_outside: it was not tried, and will be tried outside of its line. A delivery that waits at its
--        position holds its line.
-- reply: those of their subscriptions that have ended.
-- fails: NOQUEUE.
-- effect: frees.
-- cost:  O(k log n).
-- uses: base_key, count_in_work, finish_delivery, keep_failed, leave_work, now_ms, open_any_queue, return_delivery
-- uses: save_clock, save_delivery_state, server_ms, state_of_delivery, subscription_of, subscription_part
local wrong = open_any_queue()
if wrong then return wrong end
local ended, seen = {}, {}
local function schedule(delivery, state, word, wait_ms)
  local tries = state[2] + ((word == 'retry_in_line' or word == 'retry_outside') and 1 or 0)
  local line = state[3]
  local is_outside = word == 'retry_outside' or word == 'untried_outside' or line == ''
  if wait_ms == 0 then return return_delivery(delivery, line, tries, is_outside) end
  if is_outside then
    leave_work(delivery, line)
    line = ''
  else
    call('ZREM', base_key .. ':ni', delivery)
    count_in_work(subscription_part(delivery), line, 0, server_ms + wait_ms)
  end
  save_delivery_state(delivery, '', tries, line)
  call('ZADD', base_key .. ':nd', now_ms + wait_ms, delivery)
end
for at = 2, #ARGV, 4 do
  local delivery, word = ARGV[at], ARGV[at + 1]
  local state = state_of_delivery(delivery)
  local is_mine = state and state[1] == ARGV[1]
  if state and word == 'done' then
    finish_delivery(delivery, state[3])
  elseif is_mine and word == 'failed' then
    keep_failed(delivery, state[2] + 1, ARGV[at + 3])
    finish_delivery(delivery, state[3])
  elseif is_mine then
    schedule(delivery, state, word, tonumber(ARGV[at + 2]))
  end
  local id = subscription_part(delivery)
  if not seen[id] then
    seen[id] = true
    if not subscription_of(id) then ended[#ended + 1] = id end
  end
end
save_clock()
return ended
