-- move_done: third step of moves, at the source: remove their intents, and count them for their task.
-- keys:  the queue.
-- args:  token of the process that has the lease on the moves, task id ("": none), then seq of each
-- reply: how many intents there were.
-- fails: STALE (another process has the lease now).
-- effect: frees.
-- cost:  O(k log n).
-- uses: base_key, is_move_runner, save_task, STALE, task_of
if not is_move_runner(ARGV[1]) then return STALE end
local dropped = call('HDEL', base_key .. ':mi', unpack(ARGV, 3))
call('ZREM', base_key .. ':mo', unpack(ARGV, 3))
local task = ARGV[2] ~= '' and task_of(ARGV[2])
if task then
  task.moved = task.moved + dropped
  save_task(ARGV[2], task)
end
return dropped
