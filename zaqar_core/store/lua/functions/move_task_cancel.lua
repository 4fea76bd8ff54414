-- move_task_cancel: nothing more leaves the queue for this task.
-- keys:  Q.   args: task id.   reply: messages moved so far.
-- fails: NOQUEUE; NOTASK; NOTRUNNING (it has ended, or is being cancelled).   cost: O(1).
-- uses: finish, NOQUEUE, Q, save, task_of
if call('EXISTS', Q) == 0 then return NOQUEUE end
local task = task_of(ARGV[1])
if not task then return { err = 'NOTASK' } end
if task.status ~= 'RUNNING' then return { err = 'NOTRUNNING' } end
task.status = 'CANCELLING'
if task.taken == task.moved then finish(ARGV[1], task, 'CANCELLED') end
save(ARGV[1], task)
return task.moved
