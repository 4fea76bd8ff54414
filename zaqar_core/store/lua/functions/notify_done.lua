-- notify_done: what became of deliveries that a process worked on. One that another process has since is that one's,
-- unless it has arrived.
-- keys:  Q.   args: token, then per delivery: delivery, word, ms until it is tried again, reason. Words: done it has
--        arrived; failed it failed for good; again it failed, and is tried again outside of its line; at_once it failed, and
--        is tried again at its place in its line; back it was not tried, and keeps its place; skipped it was not tried, and
--        will be tried outside of its line. A delivery that waits at its place holds its line.
-- reply: those of their subscriptions that have ended.   fails: NOQUEUE.   cost: O(k log n).
local wrong = open()
if wrong and wrong ~= GROUPED_QUEUE then return wrong end
local ended, seen = {}, {}
local function try_again(delivery, state, word, wait_ms)
  local tries = state[2] + ((word == 'again' or word == 'at_once') and 1 or 0)
  local line, is_outside = state[3], word == 'again' or word == 'skipped' or state[3] == ''
  if wait_ms == 0 then return put_back(delivery, line, tries, is_outside) end
  if is_outside then
    let_go(delivery, line)
    line = ''
  else
    call('ZREM', Q .. ':ni', delivery)
    count_in_work(subscription_part(delivery), line, 0, q.real + wait_ms)
  end
  keep_state(delivery, '', tries, line)
  call('ZADD', Q .. ':nd', q.now + wait_ms, delivery)
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
    try_again(delivery, state, word, tonumber(ARGV[at + 2]))
  end
  local id = subscription_part(delivery)
  if not seen[id] then
    seen[id] = true
    if not subscription_of(id) then ended[#ended + 1] = id end
  end
end
remember_now()
return ended
