-- move_done: third step of moves, at the source: their intents are dropped, and counted for their task.
-- keys:  Q.   args: token of the process that has the lease, task id ("" none), then seq of each
-- reply: how many were there.   fails: STALE (another process has the lease now).   cost: O(k log n).
-- uses: is_mover, Q, save, STALE, task_of
if not is_mover(ARGV[1]) then return STALE end
local dropped = call('HDEL', Q .. ':mi', unpack(ARGV, 3))
call('ZREM', Q .. ':mo', unpack(ARGV, 3))
local task = ARGV[2] ~= '' and task_of(ARGV[2])
if task then
  task.moved = task.moved + dropped
  save(ARGV[2], task)
end
return dropped
