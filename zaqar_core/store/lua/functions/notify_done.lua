-- notify_done: what became of deliveries that a process worked on. One that another process has since is that one's,
-- unless it has arrived.
-- keys:  Q.   args: token, then per delivery: delivery, word, ms until it is tried again, reason. Words: done it has
--        arrived; again it failed; back it was not tried; failed it failed for good
-- reply: how many were this process's.   fails: NOQUEUE.   cost: O(k log n).
local wrong = open()
if wrong and wrong ~= GROUPED_QUEUE then return wrong end
local mine = 0
for at = 2, #ARGV, 4 do
  local delivery, word = ARGV[at], ARGV[at + 1]
  local known = call('HGET', Q .. ':nt', delivery)
  local state = known and cmsgpack.unpack(known)
  local is_mine = state and state[1] == ARGV[1]
  if is_mine then mine = mine + 1 end
  if state and word == 'done' then
    finish_delivery(delivery)
  elseif is_mine and word == 'failed' then
    keep_failed(delivery, state[2] + 1, ARGV[at + 3])
    finish_delivery(delivery)
  elseif is_mine then
    local tries = state[2] + (word == 'again' and 1 or 0)
    call('HSET', Q .. ':nt', delivery, cmsgpack.pack({ '', tries }))
    if ARGV[at + 2] == '0' then
      call('ZADD', Q .. ':nq', 0, delivery)
    else
      call('ZADD', Q .. ':nd', q.now + ARGV[at + 2], delivery)
    end
    let_go(delivery)
  end
end
remember_now()
return mine
