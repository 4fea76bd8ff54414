-- move_task_cancel: cancel a task: no more messages leave the queue for it.
-- keys:  the queue.
-- args:  task id
-- reply: number of messages moved so far.
-- fails: NOQUEUE; NOTASK; NOTRUNNING (it has ended, or is being cancelled).
-- effect: frees.
-- cost:  O(1).
-- uses: base_key, finish_task, NOQUEUE, save_task, task_of
if call('EXISTS', base_key) == 0 then return NOQUEUE end
local task = task_of(ARGV[1])
if not task then return { err = 'NOTASK' } end
if task.status ~= 'RUNNING' then return { err = 'NOTRUNNING' } end
task.status = 'CANCELLING'
if task.taken == task.moved then finish_task(ARGV[1], task, 'CANCELLED') end
save_task(ARGV[1], task)
return task.moved
