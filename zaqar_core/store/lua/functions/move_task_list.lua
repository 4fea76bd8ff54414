-- move_task_list: read the move tasks of this queue.
-- keys:  the queue.
-- reply: task id, packed task, ... in no order.
-- fails: NOQUEUE.
-- effect: reads. It writes nothing.
-- cost:  O(LIMITS.MOVE_TASKS).
-- uses: base_key, NOQUEUE
if call('EXISTS', base_key) == 0 then return NOQUEUE end
local found, all = {}, call('HGETALL', base_key .. ':mt')
for i = 1, #all, 2 do
  if #all[i] == 36 then
    found[#found + 1] = all[i]
    found[#found + 1] = all[i + 1]
  end
end
return found
