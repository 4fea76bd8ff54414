-- wakeups: wake waiting receives.
-- add_waiter: add a waiting receive to Q:w until `ends`, real ms. The queue's field `waits` says that there may be one,
-- so that a send that reads it with its other fields need not look into Q:w.
-- wake_waiters: send a wake-up to up to n waiters of a set (by default the waiting receives Q:w). Waiters whose process
-- is gone are skipped, 50 for each wake-up, so that a call for many does what many calls do; not in a cluster, where
-- PUBLISH reaches all nodes but counts only the subscribers of this one.
-- uses: base_key, clustered, context, server_ms
local function add_waiter(waiter, ends)
  if call('ZADD', base_key .. ':w', ends, waiter) == 1 then call('HSET', base_key, 'waits', 1) end
end
local function wake_waiters(n, waiters)
  for _ = 1, n * 51 do
    if n <= 0 then return end
    local popped = call('ZPOPMIN', waiters or base_key .. ':w')
    if #popped == 0 then
      if not waiters then call('HSET', base_key, 'waits', 0) end
      return
    end
    if popped[2] + 0 >= server_ms then
      local bar = string.find(popped[1], '|', 1, true)
      local receivers = call('PUBLISH', string.sub(popped[1], 1, bar - 1), string.sub(popped[1], bar + 1))
      if receivers > 0 or clustered then n = n - 1 end
    end
  end
end
-- wake_for_new: wake waiters for n new messages, and at least one if something is due earlier than before (see due).
-- One of the waiters checks the queue at `due`; the field `told` names it. Another one takes over when that one leaves,
-- or when `due` is lowered.
local function wake_for_new(n)
  if n == 0 and context.due_was_lowered then n = 1 end
  if n > 0 then wake_waiters(n) end
end
