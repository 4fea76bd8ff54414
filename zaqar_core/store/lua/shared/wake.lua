-- wake: up to n waiting receives learn that there is something new. A waiter whose process is gone is passed over; not in
-- a cluster, where PUBLISH reaches all nodes but counts only this one's subscribers. Others wait in a set of their own:
-- its key is then given.
-- uses: clustered, q, Q
local function wake(n, waiters)
  for _ = 1, n + 50 do
    if n <= 0 then return end
    local popped = call('ZPOPMIN', waiters or Q .. ':w')
    if #popped == 0 then return end
    if popped[2] >= q.real then
      local bar = string.find(popped[1], '|', 1, true)
      local heard = call('PUBLISH', string.sub(popped[1], 1, bar - 1), string.sub(popped[1], bar + 1))
      if heard > 0 or clustered then n = n - 1 end
    end
  end
end
-- tell: wake for n new messages; one waiter at least where something is due earlier than before (see soon). Of those who
-- sleep one knows the queue's `due`: `told` in its hash. Another one looks when it leaves, or when `due` is lowered.
local function tell(n)
  if n == 0 and q.sooner then n = 1 end
  if n > 0 then wake(n) end
end
