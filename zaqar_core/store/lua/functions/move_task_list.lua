-- move_task_list: the move tasks of this queue.
-- keys:  Q.   reply: task id, packed task, ... in no order.   fails: NOQUEUE.   cost: O(10).
-- uses: NOQUEUE, Q
if call('EXISTS', Q) == 0 then return NOQUEUE end
local found, all = {}, call('HGETALL', Q .. ':mt')
for i = 1, #all, 2 do
  if #all[i] == 36 then
    found[#found + 1] = all[i]
    found[#found + 1] = all[i + 1]
  end
end
return found
